/**
 * rack.json: written by `up` to the state folder, with all enrolment data. It holds the BMC passwords, so only its
 * owner may read it.
 */

import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeAtomicallySync } from '#files/write-atomically.ts';
import { defaultBmcProfile } from './bmc/bmc-profile.ts';
import { type Certificate, ensureCertificate } from './bmc/redfish/certificate.ts';
import { pathsOf } from './bmc/redfish/service-paths.ts';
import { applyProfile } from './bmc-profile-files.ts';
import { bmcNetwork, planRack, provisioningNetwork, type RackOptions } from './rack-plan.ts';

export type MachineRecord = {
  readonly name: string;
  readonly uuid: string;
  readonly serial: string;
  readonly macs: readonly string[];
  readonly cpus: number;
  readonly memory_mb: number;
  readonly local_gb: number;
  readonly cpu_arch: 'x86_64';
  readonly firmware: 'bios' | 'uefi';
  readonly bmc: { readonly address: string; readonly port: number; readonly user: string; readonly password: string };
  /** Paths of the serial console's log and of the disk (qcow2). */
  readonly console: string;
  readonly disk: string;
  /** Path of the Unix socket of its serial line. */
  readonly console_socket: string;
  /** Its Redfish front end, if it has one. */
  readonly redfish?: RedfishRecord;
};

/** All enrolment data; user and password are those of `bmc`. */
export type RedfishRecord = {
  /** `https://172.31.0.11`. */
  readonly address: string;
  /** `/redfish/v1/Systems/1`. */
  readonly system_id: string;
  /** SHA-256 fingerprint of its certificate, as hexadecimal digits. */
  readonly fingerprint: string;
};

export type RackRecord = {
  readonly namespace: string;
  readonly state_dir: string;
  /** Path of the control socket. */
  readonly control: string;
  readonly provisioning: typeof provisioningNetwork;
  readonly options: RackOptions;
  readonly machines: readonly MachineRecord[];
};

export function recordFile(stateDir: string): string {
  return join(stateDir, 'rack.json');
}

/** Passwords of a previous rack in this folder stay valid. */
export function writeRecord(options: RackOptions): RackRecord {
  const plan = planRack(options);
  const former = readRecord(plan.stateDir)?.machines ?? [];
  const { profiles = {} } = options;
  for (const name of Object.keys(profiles)) {
    if (!plan.machines.some((machine) => machine.name === name)) throw new RangeError(`there is no machine '${name}'`);
  }
  const passwordOf = (name: string) =>
    former.find((machine) => machine.name === name)?.bmc.password ?? randomBytes(12).toString('base64url');
  const record: RackRecord = {
    namespace: plan.namespace,
    state_dir: plan.stateDir,
    control: join(plan.stateDir, 'control.sock'),
    provisioning: provisioningNetwork,
    options: { ...options, stateDir: plan.stateDir },
    machines: plan.machines.map((machine) => ({
      name: machine.name,
      uuid: machine.uuid,
      serial: machine.serial,
      macs: machine.nics.map(({ mac }) => mac),
      cpus: machine.cpus,
      memory_mb: machine.memoryMb,
      local_gb: machine.diskGb,
      cpu_arch: 'x86_64',
      firmware: machine.firmware,
      bmc: { address: machine.bmcAddress, port: bmcNetwork.port, user: bmcNetwork.user, password: passwordOf(machine.name) },
      console: machine.consoleFile,
      disk: machine.diskFile,
      console_socket: machine.consoleSocket,
      redfish: redfishOf(plan.stateDir, machine.name, { address: machine.bmcAddress, profile: profiles[machine.name] }),
    })),
  };
  mkdirSync(plan.stateDir, { recursive: true, mode: 0o700 });
  writeAtomicallySync(recordFile(plan.stateDir), `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

function redfishOf(
  stateDir: string,
  name: string,
  { address, profile }: { address: string; profile: string | undefined },
): RedfishRecord {
  const { redfish } = profile === undefined ? defaultBmcProfile : applyProfile(defaultBmcProfile, { profile });
  const { fingerprint } = certificateOf(stateDir, { name, bmc: { address } });
  return { address: `https://${address}`, system_id: pathsOf(redfish).system, fingerprint };
}

/** One per BMC; like the password it stays the same as long as the state folder exists. */
export function certificateOf(stateDir: string, { name, bmc }: { name: string; bmc: { address: string } }): Certificate {
  return ensureCertificate(join(stateDir, 'certificates', name), { name, address: bmc.address });
}

export function readRecord(stateDir: string): RackRecord | undefined {
  const file = recordFile(stateDir);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RackRecord) : undefined;
}
