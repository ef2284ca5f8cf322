/** What is known of an image by itself about who may use it; whether it is shared with a project: store/image-access.ts. */

export type ImageVisibility = 'public' | 'private' | 'shared' | 'community';

/** The project on whose behalf an image is used; administrators see all images. */
export type ImageUser = { readonly project_id: string; readonly is_admin: boolean };

type OwnedImage = { readonly owner: string; readonly visibility: ImageVisibility };

const sharedWithAll: readonly ImageVisibility[] = ['public', 'community'];

export function isVisibleTo({ owner, visibility }: OwnedImage, user: ImageUser): boolean {
  return user.is_admin || owner === user.project_id || sharedWithAll.includes(visibility);
}
