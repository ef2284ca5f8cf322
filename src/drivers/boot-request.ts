/** Shared by both network boot drivers: the boot files of a request, and validation of the node. */
import { clientIdOf } from '#domain/client-ids.ts';
import { Fault } from '#domain/faults.ts';
import { readDriverInfo } from './driver-info.ts';
import { agentKinds, type BootFile, type BootRequest, type NodeFacts, type Properties } from './interfaces.ts';

/** File names in the plan's folder, as in the classic layout. */
export const bootFileNames = {
  deployKernel: 'deploy_kernel',
  deployRamdisk: 'deploy_ramdisk',
  kernel: 'kernel',
  ramdisk: 'ramdisk',
} as const;

export const networkBootProperties: Properties = {
  kernel_append_params: { help: 'Added to every kernel line of this node, after the setting provisioning.append.' },
  agent: {
    help: 'Agent in the deploy ramdisk: ingot, or ipa (ironic-python-agent). Default: the setting deploy.agent.',
  },
  deploy_kernel: { help: 'With the agent ipa: id of the image that is the deploy kernel. Default: deploy.ipa_kernel.' },
  deploy_ramdisk: { help: 'With the agent ipa: id of the image that is the deploy ramdisk. Default: deploy.ipa_ramdisk.' },
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
  return `${append} ${ownAppend(node)}`.trim();
}

/** Ours: a second value would send the agent, and what it says, to another server. */
const reserved =
  /(?:^| )(ingot\.[^ =]*|BOOTIF|boot_method|ipa-(?:api-url|insecure|agent-token|global-request-id|advertise-[a-z]+|inspection-callback-url))(?:=| |$)/;

/** @throws Fault `driverInfo` */
function ownAppend(node: NodeFacts): string {
  const refuse = (detail: string) => new Fault('driverInfo', { node: node.name ?? node.uuid, detail });
  const own = node.driver_info['kernel_append_params'];
  if (own === undefined) return '';
  if (typeof own !== 'string' || !/^[A-Za-z0-9_.,:=+/@%!*[\]~^ -]*$/.test(own))
    throw refuse('kernel_append_params must be words of letters, digits and _.,:=+/@%!*[]~^- between spaces');
  const name = reserved.exec(own)?.[1];
  if (name !== undefined) throw refuse(`kernel_append_params must not contain ${name}, which Ingot sets`);
  return own;
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
  ownAppend(node);
  readDriverInfo(node).choice('agent', agentKinds, 'ingot');
}

/** Throws `badRequest` if the boot target is not part of the request: a bug of the caller. */
export function checkBootTarget({ boot, deploy, instance }: BootRequest): void {
  if (boot === 'deploy' && !deploy) throw new Fault('badRequest', { detail: 'boot files: no deploy kernel and ramdisk given' });
  if (boot === 'instance' && !instance?.root)
    throw new Fault('badRequest', { detail: 'boot files: the kernel, ramdisk and root of the instance are not all known' });
}
