/**
 * Decides which images may run as deploy kernel or ramdisk: these get an operation's token and access to every disk.
 */

/** Flavor extra specs that name a deploy image. */
export const deployImageSpecs: readonly string[] = ['baremetal:deploy_kernel_id', 'baremetal:deploy_ramdisk_id'];

type DeployImage = { readonly status: string; readonly uploaded_by_admin?: boolean };

/**
 * Image data is immutable, so the uploader decides, whoever owns the image. Returns why it is rejected, as the end of a
 * sentence; undefined: it is accepted.
 */
export function whyNoDeployImage(image: DeployImage | undefined): string | undefined {
  if (!image || image.status === 'deleted') return 'there is no such image for a deploy kernel or ramdisk';
  if (image.status !== 'active') return `its status is ${image.status}, not active`;
  if (!image.uploaded_by_admin)
    return "a deploy kernel or ramdisk must be an administrator's image: one whose data an administrator has uploaded";
  return undefined;
}
