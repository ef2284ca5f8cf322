/** An SNMP agent and the credentials for it. RFC 1157 (version 1), RFC 3416 (2c), RFC 3414 (3, user-based security). */
export const snmpPort = 161;

export const authProtocols = ['none', 'md5', 'sha', 'sha224', 'sha256', 'sha384', 'sha512'] as const;
export type AuthProtocol = (typeof authProtocols)[number];

/** `aes256`: keys extended as in Reeder's draft (Cisco's and pysnmp's aes256); `aes256blmt`: as in Blumenthal's. */
export const privProtocols = ['none', 'des', 'aes', 'aes256', 'aes256blmt'] as const;
export type PrivProtocol = (typeof privProtocols)[number];

/** RFC 3414 section 11.2: shorter passwords can be guessed. */
export const leastKey = 8;

export type SnmpCredentials =
  | { readonly version: '1' | '2c'; readonly read: string; readonly write: string }
  | {
      readonly version: '3';
      readonly user: string;
      readonly auth: { readonly protocol: AuthProtocol; readonly key: string };
      readonly priv: { readonly protocol: PrivProtocol; readonly key: string };
      readonly context: string;
    };

export type SnmpPeer = { readonly address: string; readonly port: number; readonly credentials: SnmpCredentials };

/** Wait before the first retry in milliseconds, its growth factor, and the number of retries. */
export type SnmpTimings = { readonly timeout: number; readonly backoff: number; readonly retries: number };

/** 1 + 1.5 + 2.25 + 3.4 s: a PDU's processor needs up to a second for the keys alone. */
export const defaultTimings: SnmpTimings = { timeout: 1000, backoff: 1.5, retries: 3 };

/** Seconds without a response before a peer counts as silent. */
export function longestWait({ timeout, backoff, retries }: SnmpTimings): number {
  let sum = 0;
  for (let at = 0; at <= retries; at++) sum += timeout * backoff ** at;
  return Math.round(sum / 100) / 10;
}
