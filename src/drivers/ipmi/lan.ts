import type { JsonObject } from '#domain/json.ts';
import { getChannelInfo, presentChannel } from '#wire/ipmi/app-commands.ts';
import { addressSources, getLanParameters, lanParameters } from '#wire/ipmi/transport-commands.ts';
import { type NodeAsker, oneOfMany, optionally } from './ask-node.ts';

const usualChannel = 1;

/** The channel in use: for LAN settings, some BMCs accept only its actual number. */
export async function findLanChannel(asker: NodeAsker): Promise<number> {
  const info = await optionally(asker.ask(getChannelInfo, { channel: { number: presentChannel } }));
  return info ? info.channel & 0x0f : usualChannel;
}

/** The LAN settings that the BMC reports. Unreported values are omitted. */
export async function readLan(asker: NodeAsker): Promise<JsonObject> {
  const number = await findLanChannel(asker);
  const settings: JsonObject = { channel: number };
  for (const { parameter, name, read } of parameterTable) {
    const query = { channel: { number, revisionOnly: false }, parameter, set: 0, block: 0 };
    const answer = await oneOfMany(asker.ask(getLanParameters, query));
    const value = answer && read(answer.data);
    if (value !== undefined) settings[name] = value;
  }
  const { cipher_suites: suites, cipher_suite_count: count, ...others } = settings;
  return { ...others, ...(Array.isArray(suites) && { cipher_suites: suites.slice(0, Number(count ?? suites.length)) }) };
}

type Row = {
  readonly parameter: number;
  readonly name: string;
  /** @returns undefined if the length of the data differs from IPMI 2.0 rev 1.1 table 23-4 */
  read(data: Buffer): string | number | number[] | null | undefined;
};

const address = (data: Buffer) => (data.length === 4 ? data.join('.') : undefined);

const parameterTable: readonly Row[] = [
  { parameter: lanParameters.address, name: 'address', read: address },
  { parameter: lanParameters.addressSource, name: 'address_source', read: ([source = 0]) => addressSources[source & 0x0f] },
  { parameter: lanParameters.subnetMask, name: 'netmask', read: address },
  { parameter: lanParameters.gateway, name: 'gateway', read: address },
  { parameter: lanParameters.mac, name: 'mac', read: formatMac },
  { parameter: lanParameters.vlanId, name: 'vlan', read: readVlan },
  { parameter: lanParameters.cipherSuiteCount, name: 'cipher_suite_count', read: ([count = 0]) => count & 0x1f },
  // A reserved byte, then one id per byte.
  { parameter: lanParameters.cipherSuites, name: 'cipher_suites', read: (data) => [...data.subarray(1)] },
];

function formatMac(data: Buffer): string | undefined {
  return data.length === 6 ? [...data].map((byte) => byte.toString(16).padStart(2, '0')).join(':') : undefined;
}

/** Bit 15: VLAN enabled. */
function readVlan(data: Buffer): number | null | undefined {
  if (data.length !== 2) return undefined;
  const value = data.readUInt16LE(0);
  return value & 0x8000 ? value & 0x0fff : null;
}
