import { appendOf, bootFilesOf, checkBootTarget, networkBootProperties, validateNetworkBoot } from '../boot-request.ts';
import type { BootInterface, BootPlan, BootRequest } from '../interfaces.ts';
import { ipxeScript } from './ipxe-script.ts';

/** Modern chain: iPXE, from the NIC's ROM or loaded by TFTP, fetches a script for its MAC, and the rest over HTTP. */
export const ipxeBoot: BootInterface = { properties: networkBootProperties, validate: validateNetworkBoot, plan };

function plan(request: BootRequest): BootPlan {
  checkBootTarget(request);
  return {
    node_uuid: request.node.uuid,
    folder: request.folder,
    macs: request.macs,
    firmware: 'ipxe',
    files: bootFilesOf(request),
    ipxe_script: ipxeScript({ ...request, append: appendOf(request) }),
  };
}
