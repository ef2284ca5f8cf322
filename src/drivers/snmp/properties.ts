import type { JsonObject } from '#domain/json.ts';
import {
  type AuthProtocol,
  authProtocols,
  leastKey,
  type PrivProtocol,
  privProtocols,
  type SnmpCredentials,
  type SnmpPeer,
  snmpPort,
} from '#wire/snmp/snmp-peer.ts';
import { type DriverInfo, isHost, readDriverInfo, spellHost, withoutBrackets } from '../driver-info.ts';
import type { Endpoint, NodeFacts, Properties } from '../interfaces.ts';
import { outletOid, type Pdu } from './pdu.ts';
import { pduTable } from './pdu-table.ts';

const families = Object.keys(pduTable);

export const snmpProperties: Properties = {
  snmp_driver: { help: `Family of the PDU: auto (asked of the PDU), ${families.join(', ')}.`, required: true },
  snmp_address: { help: 'IP address or host name of the PDU.', required: true },
  snmp_port: { help: 'UDP port.', default: String(snmpPort) },
  snmp_outlet: {
    help: 'Outlet, counted from 1; several with commas, for a machine with several power cords. In a chain of units the whole index, such as 2.14 or 1.2.7; default: the first unit.',
    required: true,
  },
  snmp_pdus: {
    help: 'For a machine with power cords in several PDUs: a list of rows, each with what differs from the keys above (snmp_address, snmp_port, snmp_outlet, snmp_driver). The credentials are the same for all.',
  },
  snmp_version: { help: 'SNMP version: 1, 2c or 3. Versions 1 and 2c send the community in clear.', default: '1' },
  snmp_community: { help: 'Community (versions 1 and 2c).', secret: true },
  snmp_community_read: { help: 'Community for reading; default: snmp_community.', secret: true },
  snmp_community_write: { help: 'Community for switching; default: snmp_community.', secret: true },
  snmp_user: { help: 'User (version 3).' },
  snmp_auth_protocol: {
    help: `Signature (version 3): ${authProtocols.join(', ')}. Default: none, or md5 where there is a key; choose sha256 if the PDU has it.`,
  },
  snmp_auth_key: { help: `Password of the signature, at least ${leastKey} characters.`, secret: true },
  snmp_priv_protocol: {
    help: `Encryption (version 3): ${privProtocols.join(', ')}. Default: none, or des where there is a key; choose aes if the PDU has it.`,
  },
  snmp_priv_key: { help: `Password of the encryption, at least ${leastKey} characters.`, secret: true },
  snmp_context_name: { help: 'Context (version 3).', default: '' },
  snmp_security: { help: 'Old name of snmp_user.' },
};

/** The outlets of a machine at one PDU. */
export type SnmpSettings = {
  readonly peer: SnmpPeer;
  /** Undefined = detected by querying the PDU. */
  readonly pdu: Pdu | undefined;
  /** At least one: its number, or a suffix of its index. */
  readonly outlets: readonly (readonly number[])[];
};

/** Keys allowed in a row of `snmp_pdus`. No secrets: those belong into the node's settings, which are masked. */
const rowKeys = ['snmp_address', 'snmp_port', 'snmp_outlet', 'snmp_driver'];

/** One per PDU that the machine's power cords are plugged into, at least one. Throws the Fault `driverInfo`. */
export function readSnmpSettings(node: NodeFacts): readonly SnmpSettings[] {
  const info = readDriverInfo(node);
  const settings = readRows(node, info).map((row) =>
    readPdu(readDriverInfo({ ...node, driver_info: { ...node.driver_info, ...row } })),
  );
  const places = settings.flatMap(({ peer, outlets }) =>
    outlets.map((outlet) => `${peer.address} ${peer.port} ${outlet.join('.')}`),
  );
  if (new Set(places).size < places.length) throw info.wrong('an outlet is named twice');
  return settings;
}

export function snmpEndpoints(node: NodeFacts): readonly Endpoint[] {
  return readSnmpSettings(node).flatMap(({ peer, outlets }) =>
    outlets.map((outlet) => ({ address: `snmp ${spellHost(peer.address)}:${peer.port}`, part: `outlet ${outlet.join('.')}` })),
  );
}

/** Accepts a list, or its JSON text. */
function readRows({ driver_info }: NodeFacts, info: DriverInfo): readonly JsonObject[] {
  const given = driver_info['snmp_pdus'];
  if (given === undefined || given === null || given === '') return [{}];
  const wrong = info.wrong(
    `snmp_pdus must be a list of rows with ${rowKeys.join(', ')}, such as [{"snmp_address": "192.0.2.1", "snmp_outlet": "3"}]`,
  );
  const rows = typeof given === 'string' ? parsed(given) : given;
  if (!Array.isArray(rows) || rows.length === 0) throw wrong;
  for (const row of rows) {
    if (typeof row !== 'object' || row === null || Array.isArray(row)) throw wrong;
    if (Object.keys(row).some((key) => !rowKeys.includes(key))) throw wrong;
  }
  return rows as JsonObject[];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readPdu(info: DriverInfo): SnmpSettings {
  const family = info.required('snmp_driver');
  const pdu = Object.hasOwn(pduTable, family) ? pduTable[family] : undefined;
  if (!pdu && family !== 'auto') throw info.wrong(`snmp_driver must be auto or one of ${families.join(', ')}`);
  const address = withoutBrackets(info.required('snmp_address'));
  if (!isHost(address)) throw info.wrong('snmp_address must be an IP address or a host name');
  const names = info.required('snmp_outlet').split(',');
  const outlets = names.map((name) => readOutlet(name.trim(), info, pdu));
  const port = info.whole('snmp_port', { min: 1, max: 65_535, default: snmpPort });
  return { peer: { address, port, credentials: readCredentials(info) }, pdu, outlets };
}

function readOutlet(text: string, info: DriverInfo, pdu: Pdu | undefined): readonly number[] {
  const numbers = text.split('.').map(Number);
  const isIndex = /^\d{1,6}(\.\d{1,6}){0,3}$/.test(text) && (numbers.at(-1) ?? 0) > 0;
  if (!isIndex) throw info.wrong('snmp_outlet must be a number from 1, or several with dots between them');
  if (pdu && outletOid(pdu.state, pdu, numbers) === undefined)
    throw info.wrong(`snmp_outlet: an outlet of this family has no ${numbers.length} numbers`);
  return numbers;
}

function readCredentials(info: DriverInfo): SnmpCredentials {
  const version = info.choice('snmp_version', ['1', '2c', '3'], '1');
  if (version === '3') return { version, ...readUser(info) };
  const read = info.text('snmp_community_read') || info.text('snmp_community');
  const write = info.text('snmp_community_write') || info.text('snmp_community');
  if (read && write) return { version, read, write };
  throw info.wrong(`snmp_community, or snmp_community_read and snmp_community_write, are missing (version ${version})`);
}

function readUser(info: DriverInfo) {
  const user = info.text('snmp_user') || info.text('snmp_security');
  if (user === '') throw info.wrong('snmp_user is missing (version 3)');
  if (info.text('snmp_context_engine_id') !== '') throw info.wrong('snmp_context_engine_id is not supported');
  const auth = readProtection<AuthProtocol>(info, 'auth', { protocols: authProtocols, fallback: 'md5' });
  const priv = readProtection<PrivProtocol>(info, 'priv', { protocols: privProtocols, fallback: 'des' });
  if (priv.protocol !== 'none' && auth.protocol === 'none')
    throw info.wrong('snmp_priv_protocol needs snmp_auth_protocol: encryption requires authentication');
  return { user, auth, priv, context: info.text('snmp_context_name') };
}

/** A key without a protocol selects the oldest one, as in Ironic. */
function readProtection<P extends string>(
  info: DriverInfo,
  what: 'auth' | 'priv',
  { protocols, fallback }: { protocols: readonly (P | 'none')[]; fallback: P },
): { protocol: P | 'none'; key: string } {
  const key = info.text(`snmp_${what}_key`);
  const protocol = info.choice(`snmp_${what}_protocol`, protocols, key === '' ? 'none' : fallback);
  if (protocol === 'none') return { protocol, key: '' };
  if (key === '') throw info.wrong(`snmp_${what}_key is missing`);
  if (key.length < leastKey) throw info.wrong(`snmp_${what}_key is shorter than ${leastKey} characters`);
  return { protocol, key };
}
