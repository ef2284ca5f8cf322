/** The plan of a rack: names, addresses, files and sizes of everything `lab up` creates. No I/O. */
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BootDevice } from './machine-states.ts';
import type { Acceleration, Firmware, MachineSpec } from './qemu-arguments.ts';

export const defaultStateDir = fileURLToPath(new URL('../.cache/lab', import.meta.url));

/** The cached result of the KVM probe; it is a property of the host, not of one rack. */
export const kvmMemoryFile = fileURLToPath(new URL('../.cache/kvm-probe.json', import.meta.url));

export type RackOptions = {
  /** Default 2. */
  readonly machines?: number;
  /** Network namespace; one per rack. Default `ingot-lab`. */
  readonly namespace?: string;
  /** Folder for disks, consoles, rack.json. Default `.cache/lab` in the checkout. */
  readonly stateDir?: string;
  /** GiB; default 8. */
  readonly disk?: number;
  /** MiB; default 1024. */
  readonly memory?: number;
  /** Default 1: under emulation a second one makes the same boot a quarter more expensive. */
  readonly cpus?: number;
  /** NICs per machine; default 1. */
  readonly nics?: number;
  /** How many of the machines, counted from the last, have UEFI firmware; the others have a BIOS. Default 0. */
  readonly uefi?: number | 'all';
  /** Default boot order without a boot override. Default network, then disk. */
  readonly bootOrder?: readonly BootDevice[];
  /** Default: KVM where it works, else TCG. */
  readonly acceleration?: Acceleration | 'auto';
  /** By machine name: the initial behaviour of its BMC, a name in lab/bmc-profiles. */
  readonly profiles?: Readonly<Record<string, string>>;
};

/** The provisioning network: bridge `interface` with the address that Ingot serves on. */
export const provisioningNetwork = {
  interface: 'br0',
  address: '172.30.0.1',
  prefix: 24,
  cidr: '172.30.0.0/24',
  pool: '172.30.0.200-172.30.0.250',
  /** The IPv6 router's address; it responds so that firmware does not wait in vain. */
  ipv6: 'fd1a:b000::1',
} as const;

export const bmcNetwork = { interface: 'bmc0', prefix: 24, port: 623, user: 'admin' } as const;

export type MachinePlan = Omit<MachineSpec, 'acceleration'> & {
  readonly bmcAddress: string;
  /** Path of the Unix socket of its serial line. */
  readonly consoleSocket: string;
};
export type RackPlan = {
  readonly namespace: string;
  readonly stateDir: string;
  readonly acceleration: Acceleration | 'auto';
  readonly machines: readonly MachinePlan[];
};

/** More machines would exceed the address range of their BMCs. */
export const mostMachines = 200;

/** Throws RangeError for invalid sizes. */
export function planRack(options: RackOptions): RackPlan {
  const { machines = 2, disk = 8, memory = 1024, cpus = 1, nics = 1 } = options;
  expectRange('machines', machines, [1, mostMachines]);
  expectRange('disk', disk, [1, 16_384]);
  expectRange('memory', memory, [128, 1_048_576]);
  expectRange('cpus', cpus, [1, 64]);
  expectRange('nics', nics, [1, 8]);
  const uefi = options.uefi === 'all' ? machines : (options.uefi ?? 0);
  expectRange('uefi', uefi, [0, machines]);
  const namespace = options.namespace ?? 'ingot-lab';
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(namespace)) throw new RangeError(`'${namespace}' is no name for a namespace`);
  const stateDir = resolve(options.stateDir ?? defaultStateDir);
  const sizes = {
    cpus,
    memoryMb: memory,
    diskGb: disk,
    nics,
    usualBootOrder: options.bootOrder ?? (['network', 'disk'] as const),
  };
  return {
    namespace,
    stateDir,
    acceleration: options.acceleration ?? 'auto',
    machines: Array.from({ length: machines }, (_, index) => {
      const firmware = index < machines - uefi ? 'bios' : 'uefi';
      return planMachine(index + 1, { namespace, stateDir, firmware, ...sizes });
    }),
  };
}

type Site = Pick<MachineSpec, 'cpus' | 'memoryMb' | 'diskGb' | 'usualBootOrder'> & {
  readonly namespace: string;
  readonly stateDir: string;
  readonly firmware: Firmware;
  readonly nics: number;
};

function planMachine(number: number, { namespace, stateDir, nics, ...sizes }: Site): MachinePlan {
  const name = `machine-${number}`;
  const folder = join(stateDir, name);
  return {
    ...sizes,
    name,
    uuid: uuidOf(`${namespace}/${name}`),
    serial: `INGOT${String(number).padStart(4, '0')}`,
    nics: Array.from({ length: nics }, (_, nic) => ({ mac: macOf(number, nic), tap: `tap${number}${nic ? `n${nic}` : ''}` })),
    diskFile: join(folder, 'disk.qcow2'),
    varsFile: join(folder, 'uefi-vars.fd'),
    memoryFile: join(folder, 'memory.json'),
    consoleSocket: join(folder, 'tty'),
    consoleFile: join(folder, 'console.log'),
    logFile: join(folder, 'qemu.log'),
    bmcAddress: `172.31.0.${10 + number}`,
  };
}

/** QEMU's own prefix; racks have separate networks, so addresses may repeat. */
function macOf(number: number, nic: number): string {
  const octet = (value: number) => value.toString(16).padStart(2, '0');
  return `52:54:00:1a:${octet(nic)}:${octet(number)}`;
}

/** The same name gives the same UUID (version 8 of RFC 9562: a custom scheme). */
function uuidOf(name: string): string {
  const hash = createHash('sha256').update(name).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x80;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function expectRange(name: string, value: number, [least, most]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not ${value}`);
}
