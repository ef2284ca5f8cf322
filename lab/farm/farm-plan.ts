/** The plan of a farm: address, profile and password of each BMC. No I/O. */
import { createHash, randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadBmcProfiles } from '../bmc-profile-files.ts';

export type FarmOptions = {
  /** Number of BMCs; default 100, at most 60,000. */
  readonly count?: number;
  /** How many of them, starting with the first, also support Redfish (HTTP). Default 0. */
  readonly redfish?: number;
  /** Share of the farm per profile name, 0 to 1; the rest gets the default. */
  readonly profiles?: Readonly<Record<string, number>>;
  /** Seed that determines each machine's profile and initial power state. Default 1. */
  readonly seed?: number;
  /** First address; default 127.64.0.1. Only 127.0.0.0/8. */
  readonly firstAddress?: string;
  /** UDP port of each BMC; default 623. */
  readonly port?: number;
  /** TCP port of BMCs with Redfish; default 8000. */
  readonly redfishPort?: number;
  /** Folder of farm.json and the control socket. Default `.cache/farm` in the checkout. */
  readonly stateDir?: string;
  /** Lifetime in seconds; default: until its owner exits. */
  readonly seconds?: number;
};

export type FarmMachine = {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly profile: string;
  /** Initial state. */
  readonly power: 'on' | 'off';
  /** `http://127.64.0.1:8000`; null = IPMI only. */
  readonly redfish: string | null;
};

export type FarmRecord = {
  readonly state_dir: string;
  readonly control: string;
  readonly seed: number;
  readonly seconds: number | null;
  readonly machines: readonly FarmMachine[];
};

export const defaultFarmDir = fileURLToPath(new URL('../../.cache/farm', import.meta.url));
const mostMachines = 60_000;
const user = 'admin';

/** @throws RangeError for invalid sizes and names. */
export function planFarm(options: FarmOptions): FarmRecord {
  const { count = 100, redfish = 0, profiles = {}, seed = 1, port = 623, redfishPort = 8000, seconds } = options;
  expectRange('count', count, [1, mostMachines]);
  expectRange('redfish', redfish, [0, count]);
  expectRange('port', port, [1, 65_535]);
  expectRange('redfishPort', redfishPort, [1, 65_535]);
  if (seconds !== undefined) expectRange('seconds', seconds, [1, 86_400]);
  const stateDir = resolve(options.stateDir ?? defaultFarmDir);
  const addresses = addressesFrom(options.firstAddress ?? '127.64.0.1', count);
  const draw = createDraw(seed);
  const names = assign(profiles, count, draw);
  const machines = addresses.map(
    (address, index): FarmMachine => ({
      name: `farm-${String(index + 1).padStart(5, '0')}`,
      address,
      port,
      user,
      password: randomBytes(9).toString('base64url'),
      profile: names[index] ?? 'default',
      power: draw() < 0.5 ? 'on' : 'off',
      redfish: index < redfish ? `http://${address}:${redfishPort}` : null,
    }),
  );
  return { state_dir: stateDir, control: join(stateDir, 'control.sock'), seed, seconds: seconds ?? null, machines };
}

/** Consecutive, except for addresses that end in .0 and .255. */
function addressesFrom(first: string, count: number): string[] {
  const octets = first.split('.').map(Number);
  if (octets.length !== 4 || octets[0] !== 127 || octets.some((octet) => !(octet >= 0 && octet <= 255)))
    throw new RangeError(`the first address must be one of 127.0.0.0/8, not '${first}'`);
  let number = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const addresses: string[] = [];
  for (; addresses.length < count; number += 1) {
    const last = number % 256;
    if (last === 0 || last === 255) continue;
    addresses.push([24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join('.'));
  }
  if (!addresses.at(-1)?.startsWith('127.')) throw new RangeError(`${count} addresses from ${first} on leave 127.0.0.0/8`);
  return addresses;
}

/** The number of machines per share is exact; which machines is random. */
function assign(shares: Readonly<Record<string, number>>, count: number, draw: () => number): (string | undefined)[] {
  const known = loadBmcProfiles();
  const names = Object.entries(shares).flatMap(([name, share]) => {
    if (!known.has(name)) throw new RangeError(`there is no profile '${name}'; there are ${[...known.keys()].join(', ')}`);
    if (!(share >= 0 && share <= 1)) throw new RangeError(`the share of '${name}' must be from 0 to 1, not ${share}`);
    return Array.from({ length: Math.round(share * count) }, () => name);
  });
  if (names.length > count) throw new RangeError('the shares of all profiles are more than the whole');
  return shuffled(
    Array.from({ length: count }, (_, index) => names[index]),
    draw,
  );
}

/** Fisher-Yates shuffle. */
export function shuffled<T>(values: readonly T[], draw: () => number): T[] {
  const mixed = [...values];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = Math.floor(draw() * (last + 1));
    [mixed[last], mixed[other]] = [mixed[other] as T, mixed[last] as T];
  }
  return mixed;
}

/** Reproducible random numbers from 0 to 1 for a seed: SHA-256 of a counter, four bytes at a time. */
export function createDraw(seed: number): () => number {
  let block = Buffer.alloc(0);
  let blocks = 0;
  let at = 0;
  return () => {
    if (at >= block.length) {
      block = createHash('sha256').update(`${seed}/${blocks}`).digest();
      blocks += 1;
      at = 0;
    }
    at += 4;
    return block.readUInt32LE(at - 4) / 2 ** 32;
  };
}

function expectRange(name: string, value: number, [least, most]: readonly [number, number]): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name} must be a whole number from ${least} to ${most}, not ${value}`);
}
