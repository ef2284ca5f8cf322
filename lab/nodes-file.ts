/**
 * nodes.json: the machines of a rack or a farm in the format of `openstack baremetal create`. It holds passwords, so
 * only its owner may read it.
 */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomicallySync } from '#files/write-atomically.ts';
import type { FarmMachine } from './farm/farm-plan.ts';
import type { MachineRecord } from './rack-record.ts';

type Facts = Readonly<Record<string, string | number>>;

export type NodeEntry = {
  readonly name: string;
  readonly driver: 'ipmi' | 'redfish';
  readonly driver_info: Facts;
  readonly properties: Facts;
  readonly resource_class: string;
  readonly ports: readonly { readonly address: string }[];
};

export function nodesFile(stateDir: string): string {
  return join(stateDir, 'nodes.json');
}

export function writeNodes(stateDir: string, nodes: readonly NodeEntry[]): void {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  writeAtomicallySync(nodesFile(stateDir), `${JSON.stringify({ nodes }, null, 1)}\n`);
}

/** UEFI servers use Redfish with the pinned certificate, the others IPMI: a mixed rack. */
export function rackNode(machine: MachineRecord): NodeEntry {
  const { name, bmc, redfish, firmware, cpus, memory_mb, local_gb, cpu_arch, macs } = machine;
  const { address: ipmi_address, port: ipmi_port, user, password } = bmc;
  const isModern = firmware === 'uefi' && redfish !== undefined;
  const access: Facts = isModern
    ? {
        redfish_address: redfish.address,
        redfish_system_id: redfish.system_id,
        redfish_fingerprint: redfish.fingerprint,
        redfish_username: user,
        redfish_password: password,
      }
    : { ipmi_address, ipmi_port, ipmi_username: user, ipmi_password: password };
  return {
    name,
    driver: isModern ? 'redfish' : 'ipmi',
    driver_info: { ...access, console_file: machine.console },
    properties: { cpus, memory_mb, local_gb, cpu_arch, capabilities: `boot_mode:${firmware}` },
    resource_class: 'baremetal',
    ports: macs.map((address) => ({ address })),
  };
}

/** A farm's BMC has no machine: sizes and MAC address are invented. */
export function farmNode(machine: FarmMachine, index: number): NodeEntry {
  const { name, redfish, address: ipmi_address, port: ipmi_port, user, password } = machine;
  const access: Facts =
    redfish === null
      ? { ipmi_address, ipmi_port, ipmi_username: user, ipmi_password: password }
      : { redfish_address: redfish, redfish_username: user, redfish_password: password };
  const digits = index.toString(16).padStart(6, '0').match(/../g) as string[];
  return {
    name,
    driver: redfish === null ? 'ipmi' : 'redfish',
    driver_info: access,
    properties: { cpus: 32, memory_mb: 131_072, local_gb: 960, cpu_arch: 'x86_64' },
    resource_class: 'baremetal',
    ports: [{ address: `02:1f:a0:${digits.join(':')}` }],
  };
}
