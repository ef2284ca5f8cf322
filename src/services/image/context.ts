/** What the rules of the image service use. */
import type { ImageStore } from '#images/image-files.ts';
import type { Store } from '#store/store.ts';
import type { PropertyProtections } from './property-protections.ts';

/** The image store's methods that the image service uses. */
export type ImageData = Pick<ImageStore, 'upload' | 'read' | 'remove' | 'stage' | 'staged' | 'unstage' | 'directory'>;

export type ImageContext = {
  readonly store: Store;
  readonly images: ImageData;
  /** Aborts the import of an image. */
  readonly imports: { stop(image_id: string): Promise<void> };
  readonly protections: PropertyProtections;
  /** Settings that name images. */
  readonly settings: { readonly 'deploy.kernel': string; readonly 'deploy.ramdisk': string };
};
