/** Which images may be run as deploy kernel or ramdisk: these get the token of an operation, and see every disk. */
import type { Image } from './records.ts';

/** Extra specs of a flavor that name one. */
export const deployImageSpecs: readonly string[] = ['baremetal:deploy_kernel_id', 'baremetal:deploy_ramdisk_id'];

/**
 * Data of an image never changes, so what counts is who brought it, whoever owns the image. Why it is unfit, as the end of
 * a sentence; undefined = it is fit.
 */
export function whyNoDeployImage(image: Image | undefined): string | undefined {
  if (!image || image.status === 'deleted') return 'there is no such image for a deploy kernel or ramdisk';
  if (image.status !== 'active') return `its status is ${image.status}, not active`;
  if (!image.uploaded_by_admin)
    return "a deploy kernel or ramdisk must be an administrator's image: one whose data an administrator has uploaded";
  return undefined;
}
