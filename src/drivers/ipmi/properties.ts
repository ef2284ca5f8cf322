import { Fault } from '#domain/faults.ts';
import type { Json } from '#domain/json.ts';
import type { Bridge } from '#wire/ipmi/bridge.ts';
import type { IpmiClientOptions } from '#wire/ipmi/client.ts';
import { type Privilege, privilegeLevels } from '#wire/ipmi/command.ts';
import type { ProtocolVersion } from '#wire/ipmi/session-keeper.ts';
import { type CipherSuiteId, cipherSuiteTable } from '#wire/rmcp/cipher-suites.ts';
import { legacyPasswordLimit } from '#wire/rmcp/legacy-packet.ts';
import { rmcpPort } from '#wire/rmcp/rmcp-header.ts';
import { passwordLimit, userLimit } from '#wire/rmcp/session-keys.ts';
import { spellHost, withoutBrackets } from '../driver-info.ts';
import type { Endpoint, NodeFacts, Properties } from '../interfaces.ts';
import { bridgingProperties, readBridge } from './bridging.ts';

const protocolVersions: readonly ProtocolVersion[] = ['2.0', '1.5'];
const suiteIds = cipherSuiteTable.map(({ id }) => id);

export const ipmiProperties: Properties = {
  ipmi_address: { help: 'IP address or host name of the BMC.', required: true },
  ipmi_port: { help: 'UDP port of the BMC.', default: String(rmcpPort) },
  ipmi_username: { help: `User name, at most ${userLimit} bytes; empty = the BMC's anonymous user.`, default: '' },
  ipmi_password: { help: `Password, at most ${passwordLimit} bytes; may be empty.`, secret: true, default: '' },
  ipmi_priv_level: {
    help: `Privilege level asked for: ${levelNames().join(', ')}. Power and boot device need OPERATOR.`,
    default: 'ADMINISTRATOR',
  },
  ipmi_cipher_suite: {
    help: `Cipher suite: ${suiteIds.join(' or ')}. Default: the best that the BMC has. Suites without password check or encryption are not offered.`,
  },
  ipmi_protocol_version: {
    help: `${protocolVersions.join(' or ')}. 1.5 signs by MD5 and encrypts nothing: only for a BMC that can do no better, on a network of its own.`,
    default: '2.0',
  },
  ipmi_hex_kg_key: { help: "The BMC's own key (K_G) as 40 hexadecimal digits, where its owner set one.", secret: true },
  ...bridgingProperties,
};

/** `bridge`: route to the machine's own controller behind the BMC. */
export type IpmiSettings = IpmiClientOptions & { readonly bridge?: Bridge };

/** @throws Fault `driverInfo`; its text never contains a secret. */
export function readIpmiSettings(node: NodeFacts): IpmiSettings {
  const { uuid, name, driver_info: info } = node;
  const wrong = (detail: string) => new Fault('driverInfo', { node: name ?? uuid, detail });
  const text = (key: string): string => {
    const value: Json | undefined = info[key];
    if (value === undefined || value === null) return '';
    // Clients differ: `ipmi_port=623` arrives as text from one and as a number from another.
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw wrong(`${key} must be text`);
  };
  const limited = (key: string, limit: number): string => {
    const value = text(key);
    if (Buffer.byteLength(value) > limit) throw wrong(`${key} is longer than the ${limit} bytes that IPMI has room for`);
    return value;
  };
  const address = withoutBrackets(text('ipmi_address').trim());
  if (address === '') throw wrong('ipmi_address is missing');
  const port = Number(text('ipmi_port') || rmcpPort);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw wrong('ipmi_port must be a number from 1 to 65535');
  const level = text('ipmi_priv_level') || 'ADMINISTRATOR';
  if (!levelNames().includes(level.toUpperCase())) throw wrong(`ipmi_priv_level must be one of ${levelNames().join(', ')}`);
  const suite = text('ipmi_cipher_suite');
  if (suite !== '' && !suiteIds.some((id) => String(id) === suite)) {
    throw wrong(`ipmi_cipher_suite must be ${suiteIds.join(' or ')}, not ${suite}`);
  }
  const version = text('ipmi_protocol_version') || '2.0';
  if (!protocolVersions.some((known) => known === version)) {
    throw wrong(`ipmi_protocol_version must be ${protocolVersions.join(' or ')}, not ${version}`);
  }
  const passwordRoom = version === '1.5' ? legacyPasswordLimit : passwordLimit;
  const key = text('ipmi_hex_kg_key');
  if (key !== '' && !/^[0-9a-f]{40}$/i.test(key)) throw wrong('ipmi_hex_kg_key must be 40 hexadecimal digits');
  const bridge = readBridge(node);
  return {
    address,
    port,
    user: limited('ipmi_username', userLimit),
    password: limited('ipmi_password', passwordRoom),
    privilege: level.toLowerCase() as Privilege,
    ...(version === '1.5' && { version }),
    ...(suite && { cipherSuite: Number(suite) as CipherSuiteId }),
    ...(key && { bmcKey: Buffer.from(key, 'hex') }),
    ...(bridge && { bridge }),
  };
}

/** Controllers behind the BMC belong to other machines. */
export function ipmiEndpoints(node: NodeFacts): readonly Endpoint[] {
  const { address, port, bridge } = readIpmiSettings(node);
  const part = bridge ? `bridged to ${JSON.stringify(bridge)}` : 'itself';
  return [{ address: `ipmi ${spellHost(address)}:${port}`, part }];
}

function levelNames(): string[] {
  return Object.keys(privilegeLevels).map((name) => name.toUpperCase());
}
