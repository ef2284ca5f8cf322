/** Image access: one rule for the image API, for server requests, and for operations that run later. */
import type { Image } from './records.ts';

/** The project on whose behalf an image is used; administrators see all images. */
export type ImageUser = { readonly project_id: string; readonly is_admin: boolean };

const sharedWithAll: readonly Image['visibility'][] = ['public', 'community'];

export function isVisibleTo({ owner, visibility }: Pick<Image, 'owner' | 'visibility'>, user: ImageUser): boolean {
  return user.is_admin || owner === user.project_id || sharedWithAll.includes(visibility);
}
