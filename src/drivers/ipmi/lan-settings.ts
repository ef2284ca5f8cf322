/** Changes the BMC's LAN settings (IPMI 2.0 rev 1.1 section 23) and verifies them. */
import { isIPv4 } from 'node:net';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { addressSources, lanParameters, setInProgress, setLanParameters } from '#wire/ipmi/transport-commands.ts';
import { completionOf, type NodeAsker } from './ask-node.ts';
import { findLanChannel, readLan } from './lan.ts';
import { readIpmiSettings } from './properties.ts';

type Value = string | number | null;

type Row = {
  readonly name: string;
  readonly parameter: number;
  /** @returns undefined for an invalid value */
  read(value: unknown): Value | undefined;
  encode(value: Value): Buffer;
  readonly help: string;
};

const octets = (value: Value) => Buffer.from(String(value).split('.').map(Number));
const ipv4 = (value: unknown) => (typeof value === 'string' && isIPv4(value) ? value : undefined);

/** In the order in which they are set: settings that can disconnect us come last. */
const settingTable: readonly Row[] = [
  { name: 'netmask', parameter: lanParameters.subnetMask, read: netmask, encode: octets, help: 'like 255.255.255.0' },
  { name: 'gateway', parameter: lanParameters.gateway, read: ipv4, encode: octets, help: 'an IPv4 address' },
  {
    name: 'address_source',
    parameter: lanParameters.addressSource,
    read: (value) => ['static', 'dhcp', 'bios'].find((source) => source === value),
    encode: (value) => Buffer.of(addressSources.indexOf(value as (typeof addressSources)[number])),
    help: 'static, dhcp or bios',
  },
  { name: 'address', parameter: lanParameters.address, read: ipv4, encode: octets, help: 'an IPv4 address' },
  { name: 'vlan', parameter: lanParameters.vlanId, read: vlan, encode: encodeVlan, help: 'a number from 1 to 4094, or null' },
];

export const lanSettingNames = settingTable.map(({ name }) => name);

export type LanOutcome = {
  /** Settings that differed and were set. */
  readonly changed: string[];
  /** Read back as requested; false if the BMC no longer responds, for example because its address has changed. */
  readonly verified: boolean;
  readonly lan: JsonObject | null;
  /** What the operator should do next. */
  readonly advice?: string;
};

/** @throws Fault `badRequest`; `bmcError` also if the BMC reports success but keeps another value */
export async function changeLan(asker: NodeAsker, parameters: JsonObject): Promise<LanOutcome> {
  const wanted = readWanted(parameters);
  const channel = await findLanChannel(asker);
  const before = await readLan(asker);
  requireSense(wanted, before);
  const changes = wanted.filter(([{ name }, value]) => before[name] !== value);
  if (changes.length === 0) return { changed: [], verified: true, lan: before };
  const isSilent = await setAll(asker, channel, changes);
  const after = isSilent ? undefined : await unlessSilent(readLan(asker));
  if (after) requireEffect(asker, changes, after);
  const advice = advise(asker, changes, after !== undefined);
  return {
    changed: changes.map(([{ name }]) => name),
    verified: after !== undefined,
    lan: after ?? null,
    ...(advice && { advice }),
  };
}

type Wanted = readonly (readonly [Row, Value])[];

function readWanted(parameters: JsonObject): Wanted {
  const wanted = settingTable.flatMap((row) => {
    if (!(row.name in parameters)) return [];
    const value = row.read(parameters[row.name]);
    if (value === undefined) throw new Fault('badRequest', { detail: `${row.name} must be ${row.help}` });
    return [[row, value] as const];
  });
  if (wanted.length === 0) throw new Fault('badRequest', { detail: `nothing to set: give one of ${lanSettingNames.join(', ')}` });
  return wanted;
}

/** A BMC keeps a configured address only if its address source is static. */
function requireSense(wanted: Wanted, before: JsonObject): void {
  const value = (name: string) => wanted.find(([row]) => row.name === name)?.[1];
  const own = ['address', 'netmask', 'gateway'].find((name) => value(name) !== undefined);
  const source = value('address_source') ?? before['address_source'];
  if (own === undefined || source === 'static' || source === undefined) return;
  throw new Fault('badRequest', { detail: `${own} needs address_source static; it is ${String(source)}` });
}

/** @returns whether the BMC stopped responding on the way */
async function setAll(asker: NodeAsker, channel: number, changes: Wanted): Promise<boolean> {
  const set = (parameter: number, data: Buffer) => asker.ask(setLanParameters, { channel: { number: channel }, parameter, data });
  const mark = (value: number) => set(lanParameters.setInProgress, Buffer.of(value));
  // This parameter is optional, section 23.1; but the BMC must report that another party is setting parameters.
  await mark(setInProgress.begun).catch((error: unknown) => {
    if (completionOf(error) === undefined || completionOf(error) === anotherSets) throw error;
  });
  try {
    for (const [{ parameter, encode }, value] of changes) {
      if ((await unlessSilent(set(parameter, encode(value)))) === undefined) return true;
    }
    return false;
  } finally {
    for (const value of [setInProgress.commit, setInProgress.complete]) await mark(value).catch(() => {});
  }
}

const anotherSets = 0x81;

function requireEffect(asker: NodeAsker, changes: Wanted, after: JsonObject): void {
  const kept = changes.find(([{ name }, value]) => after[name] !== value);
  if (!kept) return;
  const [{ name }, value] = kept;
  const { address } = readIpmiSettings(asker.node);
  const detail = `it reported that ${name} is set to ${value}, and keeps ${String(after[name])}`;
  throw new Fault('bmcError', { address, command: setLanParameters.name, detail });
}

function advise({ node }: NodeAsker, changes: Wanted, isHeard: boolean): string | undefined {
  const { address } = readIpmiSettings(node);
  const value = (name: string) => changes.find(([row]) => row.name === name)?.[1];
  const other = value('address');
  if (typeof other === 'string' && other !== address) return `set ipmi_address in driver_info to ${other} (it is ${address})`;
  if (value('address_source') === 'dhcp')
    return 'the BMC now uses DHCP: update ipmi_address in driver_info if its address changes';
  if (value('vlan') !== undefined) return 'the BMC is now on another VLAN: make sure that Ingot can reach it there';
  return isHeard ? undefined : `the BMC does not answer at ${address} any more`;
}

async function unlessSilent<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Fault && error.code === 'bmcUnreachable') return undefined;
    throw error;
  }
}

/** Contiguous netmask: ones, then zeros. */
function netmask(value: unknown): string | undefined {
  const text = ipv4(value);
  const bits = text?.split('.').map((part) => Number(part).toString(2).padStart(8, '0'));
  return bits && /^1+0*$/.test(bits.join('')) ? text : undefined;
}

function vlan(value: unknown): number | null | undefined {
  if (value === null) return null;
  const id = typeof value === 'string' || typeof value === 'number' ? Number(value) : Number.NaN;
  return Number.isInteger(id) && id >= 1 && id <= 4094 ? id : undefined;
}

/** Table 23-4, parameter 20: bit 15 = VLAN enabled. */
function encodeVlan(value: Value): Buffer {
  const data = Buffer.alloc(2);
  data.writeUInt16LE(value === null ? 0 : 0x8000 | Number(value));
  return data;
}
