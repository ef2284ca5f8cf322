import { Fault } from '#domain/faults.ts';
import { appendOf, bootFilesOf, checkBootTarget, networkBootProperties, validateNetworkBoot } from '../boot-request.ts';
import type { BootInterface, BootPlan, BootRequest, NodeFacts } from '../interfaces.ts';
import { pxelinuxConfig } from './pxelinux-config.ts';

/** The classic chain: the firmware's PXE loads pxelinux by TFTP, pxelinux loads a configuration by MAC. */
export const pxeBoot: BootInterface = { properties: networkBootProperties, validate, plan };

function validate(node: NodeFacts): void {
  validateNetworkBoot(node);
  expectBios(node);
}

function expectBios(node: NodeFacts): void {
  const { capabilities } = node.properties;
  if (typeof capabilities !== 'string' || !capabilities.split(',').includes('boot_mode:uefi')) return;
  const detail = 'pxelinux is a BIOS program and its capabilities say boot_mode:uefi; a UEFI machine boots by ipxe';
  throw new Fault('driverInfo', { node: node.name ?? node.uuid, detail });
}

function plan(request: BootRequest): BootPlan {
  checkBootTarget(request);
  if (request.boot !== 'local') expectBios(request.node);
  return {
    node_uuid: request.node.uuid,
    folder: request.folder,
    macs: request.macs,
    firmware: 'pxelinux',
    files: bootFilesOf(request),
    pxelinux_config: pxelinuxConfig({ ...request, append: appendOf(request) }),
  };
}
