import { isIPv6 } from 'node:net';
import { isAbsolute } from 'node:path';
import { Fault } from '#domain/faults.ts';
import type { Json } from '#domain/json.ts';
import type { RedfishPeer } from '#wire/redfish/redfish-client.ts';
import type { Endpoint, NodeFacts, Properties } from '../interfaces.ts';

const authTypes = ['auto', 'session', 'basic'] as const;

export const redfishProperties: Properties = {
  redfish_address: {
    help: 'Address of the BMC: `https://HOST[:PORT]` or `HOST[:PORT]`. `http://…` is neither encrypted nor proven.',
    required: true,
  },
  redfish_system_id: {
    help: 'Path of the machine on the BMC, as `/redfish/v1/Systems/1`. Default: the only one that there is.',
  },
  redfish_username: { help: 'User name; empty = the service asks for none.', default: '' },
  redfish_password: { help: 'Password.', secret: true, default: '' },
  redfish_verify_ca: {
    help: 'How the BMC proves who it is: `True` = a certificate that this host trusts, a path = one of the authorities in that file (PEM), `False` = not at all.',
    default: 'True',
  },
  redfish_fingerprint: {
    help: 'SHA-256 fingerprint of the certificate of the BMC (64 hexadecimal digits, colons allowed): this one and no other. Made for self-signed certificates; takes the place of redfish_verify_ca.',
  },
  redfish_auth_type: {
    help: 'How to log in: `auto` (a session, or basic authentication where there are none or all are taken), `session` or `basic`.',
    default: 'auto',
  },
  redfish_tls: {
    help: '`old` takes TLS 1.0 and weak keys too, for BMCs that know no better. Default: TLS 1.2 or later.',
  },
};

export type RedfishSettings = {
  readonly peer: RedfishPeer;
  /** Path of the file with CA certificates; `peer.trust` does not contain them yet. */
  readonly caFile: string | undefined;
  readonly systemPath: string | undefined;
  /** Address for messages. */
  readonly address: string;
};

/** @throws Fault `driverInfo`; its text never contains a secret. */
export function readRedfishSettings({ uuid, name, driver_info: info }: NodeFacts): RedfishSettings {
  const wrong = (detail: string) => new Fault('driverInfo', { node: name ?? uuid, detail });
  const text = (key: string): string => {
    const value: Json | undefined = info[key];
    if (value === undefined || value === null) return '';
    if (typeof value === 'object') throw wrong(`${key} must be text`);
    return String(value);
  };
  const url = readAddress(text('redfish_address').trim(), wrong);
  const user = text('redfish_username');
  const password = text('redfish_password');
  if (user === '' && password !== '') throw wrong('redfish_password is set, but redfish_username is missing');
  const auth = authTypes.find((type) => type === (text('redfish_auth_type') || 'auto'));
  if (auth === undefined) throw wrong(`redfish_auth_type must be one of ${authTypes.join(', ')}`);
  const tls = text('redfish_tls');
  if (tls !== '' && tls !== 'old') throw wrong('redfish_tls must be `old` or absent');
  return {
    peer: { url, user, password, auth, trust: readTrust(text, wrong), ...(tls === 'old' && { tls }) },
    caFile: readCaFile(text, wrong),
    systemPath: readSystemPath(text('redfish_system_id').trim(), wrong),
    address: url.replace(/^https:\/\//, ''),
  };
}

export function redfishEndpoints(node: NodeFacts): readonly Endpoint[] {
  const { address, systemPath = null } = readRedfishSettings(node);
  return [{ address: `redfish ${address}`, part: systemPath }];
}

type Wrong = (detail: string) => Fault;
type Text = (key: string) => string;

function readAddress(address: string, wrong: Wrong): string {
  if (address === '') throw wrong('redfish_address is missing');
  const url = withBrackets(address.includes('://') ? address : `https://${address}`);
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (/^https?:\/\/\[[^\]]*%/.test(url)) throw wrong('redfish_address has an IPv6 zone, with which Redfish cannot be spoken');
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.hostname === '') {
    throw wrong('redfish_address must be https://HOST[:PORT], http://HOST[:PORT] or HOST[:PORT]');
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw wrong('redfish_address holds a user name or password: these belong in redfish_username and redfish_password');
  }
  if (!/^\/(redfish(\/v1)?\/?)?$/.test(parsed.pathname) || parsed.search !== '' || parsed.hash !== '') {
    throw wrong('redfish_address has a path: that of the machine belongs in redfish_system_id');
  }
  return parsed.origin;
}

/** Adds brackets to a bare IPv6 address, as copied from elsewhere; with a port the brackets are mandatory. */
function withBrackets(url: string): string {
  const [, scheme = '', host = '', rest = ''] = /^([a-z]+:\/\/)([^/?#[\]]*)(.*)$/is.exec(url) ?? [];
  return isIPv6(host) ? `${scheme}[${host}]${rest}` : url;
}

function readTrust(text: Text, wrong: Wrong): RedfishPeer['trust'] {
  const fingerprint = text('redfish_fingerprint').replaceAll(':', '').trim().toLowerCase();
  if (fingerprint !== '') {
    if (!/^[0-9a-f]{64}$/.test(fingerprint)) throw wrong('redfish_fingerprint must be 64 hexadecimal digits (SHA-256)');
    return { by: 'fingerprint', sha256: fingerprint };
  }
  return /^(false|no|0|off)$/i.test(text('redfish_verify_ca')) ? { by: 'nothing' } : { by: 'authority' };
}

function readCaFile(text: Text, wrong: Wrong): string | undefined {
  const value = text('redfish_verify_ca').trim();
  if (value === '' || text('redfish_fingerprint') !== '' || /^(true|yes|1|on|false|no|0|off)$/i.test(value)) return undefined;
  if (!isAbsolute(value)) throw wrong('redfish_verify_ca must be True, False or the absolute path of a file');
  return value;
}

function readSystemPath(id: string, wrong: Wrong): string | undefined {
  if (id === '') return undefined;
  if (/^[^/?#\s]+$/.test(id)) return `/redfish/v1/Systems/${id}`;
  if (!/^\/redfish\/v1\/[^?#\s]+$/.test(id)) throw wrong('redfish_system_id must be a path like /redfish/v1/Systems/1');
  return id.replace(/\/+$/, '');
}
