/** Shared by both network boot drivers: the boot files of a request, and validation of the node. */
import { clientIdOf } from '#domain/client-ids.ts';
import { Fault } from '#domain/faults.ts';
import type { BootFile, BootRequest, NodeFacts, Properties } from './interfaces.ts';

/** File names in the plan's folder, as in the classic layout. */
export const bootFileNames = {
  deployKernel: 'deploy_kernel',
  deployRamdisk: 'deploy_ramdisk',
  kernel: 'kernel',
  ramdisk: 'ramdisk',
} as const;

export const networkBootProperties: Properties = {
  kernel_append_params: { help: 'Added to every kernel line of this node, after the setting provisioning.append.' },
};

export function bootFilesOf({ deploy, instance }: BootRequest): BootFile[] {
  const files: BootFile[] = [];
  if (deploy) {
    files.push({ name: bootFileNames.deployKernel, path: deploy.kernel });
    files.push({ name: bootFileNames.deployRamdisk, path: deploy.ramdisk });
  }
  if (instance) {
    files.push({ name: bootFileNames.kernel, path: instance.kernel });
    files.push({ name: bootFileNames.ramdisk, path: instance.ramdisk });
  }
  return files;
}

/** Additional kernel parameters of the site and the node. */
export function appendOf({ append, node }: BootRequest): string {
  const own = node.driver_info['kernel_append_params'];
  return typeof own === 'string' ? `${append} ${own}`.trim() : append;
}

/** Throws `driverInfo` when the node cannot boot from the network. */
export function validateNetworkBoot(node: NodeFacts): void {
  const refuse = (detail: string) => new Fault('driverInfo', { node: node.name ?? node.uuid, detail });
  if (!node.ports.some((port) => port.pxe_enabled)) {
    throw refuse('it needs at least one port with pxe_enabled (`baremetal port create --node … MAC`)');
  }
  const unclear = node.ports.find((port) => clientIdOf(port) === null);
  if (unclear)
    throw refuse(`extra/client-id of port ${unclear.address} must be bytes in hexadecimal digits with colons between them`);
  const own = node.driver_info['kernel_append_params'];
  if (own !== undefined && (typeof own !== 'string' || !/^[A-Za-z0-9_.,:=+/@%!*[\]~^ -]*$/.test(own))) {
    throw refuse('kernel_append_params must be words of letters, digits and _.,:=+/@%!*[]~^- between spaces');
  }
}

/** Throws `badRequest` if the boot target is not part of the request: a bug of the caller. */
export function checkBootTarget({ boot, deploy, instance }: BootRequest): void {
  if (boot === 'deploy' && !deploy) throw new Fault('badRequest', { detail: 'boot files: no deploy kernel and ramdisk given' });
  if (boot === 'instance' && !instance?.root)
    throw new Fault('badRequest', { detail: 'boot files: the kernel, ramdisk and root of the instance are not all known' });
}
