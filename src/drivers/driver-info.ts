/** Parses the settings of a node (`driver_info`) for drivers. Fault texts never contain a secret. */
import { isIPv6, SocketAddress } from 'node:net';
import { Fault } from '#domain/faults.ts';
import type { Json } from '#domain/json.ts';
import type { NodeFacts } from './interfaces.ts';

export type DriverInfo = {
  /** Creates a Fault `driverInfo` to throw. */
  wrong(detail: string): Fault;
  /** `''` if the key is absent. Numbers and booleans are converted to text, since clients send either. */
  text(key: string): string;
  /** Like `text`, but throws if the key is absent. */
  required(key: string): string;
  whole(key: string, range: { min: number; max: number; default: number }): number;
  choice<const T extends string>(key: string, choices: readonly T[], fallback: T): T;
};

export function readDriverInfo({ uuid, name, driver_info: info }: Pick<NodeFacts, 'uuid' | 'name' | 'driver_info'>): DriverInfo {
  const wrong = (detail: string) => new Fault('driverInfo', { node: name ?? uuid, detail });
  const text = (key: string): string => {
    const value: Json | undefined = info[key];
    if (value === undefined || value === null) return '';
    if (typeof value === 'object') throw wrong(`${key} must be text`);
    return String(value).trim();
  };
  const required = (key: string): string => {
    const value = text(key);
    if (value === '') throw wrong(`${key} is missing`);
    return value;
  };
  const whole: DriverInfo['whole'] = (key, { min, max, default: fallback }) => {
    const value = text(key);
    const number = value === '' ? fallback : Number(value);
    if (Number.isInteger(number) && number >= min && number <= max) return number;
    throw wrong(`${key} must be a whole number from ${min} to ${max}`);
  };
  const choice: DriverInfo['choice'] = (key, choices, fallback) => {
    const value = text(key).toLowerCase();
    const found = value === '' ? fallback : choices.find((name) => name === value);
    if (found === undefined) throw wrong(`${key} must be one of ${choices.join(', ')}`);
    return found;
  };
  return { wrong, text, required, whole, choice };
}

/** An IPv6 address without URL brackets, as other programs expect it; a zone (`%eth0`) is kept. */
export function withoutBrackets(host: string): string {
  const [, inner = ''] = /^\[([^\]]*)\]$/.exec(host) ?? [];
  return isIPv6(inner) ? inner : host;
}

/** Canonical form of an address (RFC 5952), so that two nodes with the same BMC are recognised. */
export function spellHost(host: string): string {
  const [address = '', ...zone] = host.split('%');
  if (!isIPv6(host)) return host.toLowerCase();
  return [new SocketAddress({ address, family: 'ipv6' }).address, ...zone].join('%');
}

/** Whether it is a host name or an IP address, and cannot be parsed as a command-line option. */
export function isHost(value: string): boolean {
  return /^[0-9a-zA-Z:][-0-9a-zA-Z.:_%]*$/.test(value);
}
