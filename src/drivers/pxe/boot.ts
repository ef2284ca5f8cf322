import { appendOf, bootFilesOf, checkBootTarget, networkBootProperties, validateNetworkBoot } from '../boot-request.ts';
import type { BootInterface, BootPlan, BootRequest } from '../interfaces.ts';
import { pxelinuxConfig } from './pxelinux-config.ts';

/** The classic chain: the firmware's PXE loads pxelinux by TFTP, pxelinux loads a configuration by MAC. */
export const pxeBoot: BootInterface = { properties: networkBootProperties, validate: validateNetworkBoot, plan };

function plan(request: BootRequest): BootPlan {
  checkBootTarget(request);
  return {
    node_uuid: request.node.uuid,
    folder: request.folder,
    macs: request.macs,
    firmware: 'pxelinux',
    files: bootFilesOf(request),
    pxelinux_config: pxelinuxConfig({ ...request, append: appendOf(request) }),
  };
}
