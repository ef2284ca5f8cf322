/** Validates the fields of a security group rule together, as Neutron (neutron/db/securitygroups_db.py). No I/O. */
import { bitsOf, formatAddress, formatCidr, parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { SecurityGroupRule } from '#store/tables/security-groups.ts';
import { networkFault } from './errors.ts';

type Loose = string | number | null | undefined;

export type RuleRequest = {
  readonly direction: 'ingress' | 'egress';
  /** In any case of letters. */
  readonly ethertype?: unknown;
  readonly protocol?: Loose;
  readonly port_range_min?: Loose;
  readonly port_range_max?: Loose;
  readonly remote_ip_prefix?: string | null | undefined;
  readonly remote_group_id?: string | null | undefined;
  readonly remote_address_group_id?: string | null | undefined;
};
export type RulePlan = Pick<
  SecurityGroupRule,
  | 'direction'
  | 'ethertype'
  | 'protocol'
  | 'port_range_min'
  | 'port_range_max'
  | 'remote_ip_prefix'
  | 'remote_group_id'
  | 'remote_address_group_id'
>;

/** Numbers of IANA by the names that Neutron knows (neutron_lib/constants.py). */
const protocolTable: Readonly<Record<string, number>> = {
  ...{ ah: 51, dccp: 33, egp: 8, esp: 50, gre: 47, hopopt: 0, icmp: 1, igmp: 2, ip: 0, ipip: 4, 'ipv6-encap': 41 },
  ...{ 'ipv6-frag': 44, 'ipv6-icmp': 58, icmpv6: 58, 'ipv6-nonxt': 59, 'ipv6-opts': 60, 'ipv6-route': 43, ospf: 89 },
  ...{ pgm: 113, rsvp: 46, sctp: 132, tcp: 6, udp: 17, udplite: 136, vrrp: 112 },
};
const icmpNames = ['icmp', 'icmpv6'];
/** Protocols of IPv6 alone, by number. */
const ipv6Only: ReadonlySet<number> = new Set([41, 43, 44, 58, 59, 60]);
const withPorts: ReadonlySet<number> = new Set([33, 132, 6, 17, 136]);
const [icmp, icmpv6] = [1, 58];

/** @throws Fault `badRequest` with Neutron's exception */
export function planRule(request: RuleRequest): RulePlan {
  const ethertype = readEthertype(request.ethertype ?? 'IPv4');
  const protocol = canonicalProtocol(readProtocol(request.protocol), ethertype);
  const ports = readPorts(request, protocol);
  const remote_ip_prefix = readPrefix(request.remote_ip_prefix, ethertype);
  if (ethertype === 'IPv4' && protocol !== null && ipv6Only.has(numberOf(protocol)))
    throw networkFault('SecurityGroupEthertypeConflictWithProtocol', `Invalid ethertype ${ethertype} for protocol ${protocol}.`);
  const remote_group_id = request.remote_group_id || null;
  const remote_address_group_id = request.remote_address_group_id || null;
  if ([remote_ip_prefix, remote_group_id, remote_address_group_id].filter((remote) => remote !== null).length > 1)
    throw networkFault(
      'SecurityGroupMultipleRemoteEntites',
      'Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.',
    );
  const { direction } = request;
  return { direction, ethertype, protocol, ...ports, remote_ip_prefix, remote_group_id, remote_address_group_id };
}

function readEthertype(value: unknown): 'IPv4' | 'IPv6' {
  const known = (['IPv4', 'IPv6'] as const).find((each) => each.toLowerCase() === String(value).toLowerCase());
  if (known) return known;
  const detail = `Security group rule for ethertype '${value}' not supported. Allowed values are ['IPv4', 'IPv6'].`;
  throw networkFault('SecurityGroupRuleInvalidEtherType', detail);
}

/** null: any. */
function readProtocol(value: Loose): string | null {
  const text = value === null || value === undefined ? 'any' : String(value).trim().toLowerCase();
  if (text === 'any') return null;
  if (/^\d{1,3}$/.test(text) && Number(text) <= 255) return String(Number(text));
  if (Object.hasOwn(protocolTable, text)) return text;
  const names = ['None', "'any'", ...Object.keys(protocolTable).map((name) => `'${name}'`)].join(', ');
  const detail = `Security group rule protocol ${value} not supported. Only protocol values (${names}) and integer representations [0 to 255] are supported.`;
  throw networkFault('SecurityGroupRuleInvalidProtocol', detail);
}

/** ICMP of an IPv6 rule is ICMPv6, however it is spelled. */
function canonicalProtocol(protocol: string | null, ethertype: 'IPv4' | 'IPv6'): string | null {
  if (ethertype === 'IPv4' || protocol === null) return protocol;
  if (icmpNames.includes(protocol)) return 'ipv6-icmp';
  return protocol === String(icmp) ? String(icmpv6) : protocol;
}

const numberOf = (protocol: string): number => protocolTable[protocol] ?? Number(protocol);

type Ports = Pick<RulePlan, 'port_range_min' | 'port_range_max'>;
const noPorts: Ports = { port_range_min: null, port_range_max: null };

function readPorts(request: RuleRequest, protocol: string | null): Ports {
  const ports = { port_range_min: readPort(request.port_range_min), port_range_max: readPort(request.port_range_max) };
  const { port_range_min: min, port_range_max: max } = ports;
  if ((min === null && max === null) || (min === 1 && max === 65535)) return noPorts;
  if (protocol === null)
    throw networkFault('SecurityGroupProtocolRequiredWithPorts', 'Must also specify protocol if port range is given.');
  const number = numberOf(protocol);
  if (withPorts.has(number)) return checkRange(ports);
  if (number === icmp || number === icmpv6) return checkIcmp(ports);
  const detail = `Ports cannot be specified for protocol ${number}. Ports are only supported for DCCP, SCTP, TCP, UDP, UDPLITE.`;
  throw networkFault('SecurityGroupInvalidProtocolForPort', detail);
}

function readPort(value: Loose): number | null {
  if (value === null || value === undefined) return null;
  if (/^\s*\d{1,5}\s*$/.test(String(value)) && Number(value) <= 65535) return Number(value);
  throw networkFault('SecurityGroupInvalidPortValue', `Invalid value for port ${value}`);
}

function checkRange(ports: Ports): Ports {
  const { port_range_min: min, port_range_max: max } = ports;
  if (min === 0 || max === 0) throw networkFault('SecurityGroupInvalidPortValue', 'Invalid value for port 0');
  if (min !== null && max !== null && min <= max) return ports;
  throw networkFault('SecurityGroupInvalidPortRange', 'For TCP/UDP protocols, port_range_min must be <= port_range_max');
}

function checkIcmp(ports: Ports): Ports {
  for (const [name, field] of [['port_range_min', 'type'] as const, ['port_range_max', 'code'] as const]) {
    const value = ports[name];
    if (value === null || value <= 255) continue;
    const detail = `Invalid value for ICMP ${field} (${name}) ${value}. It must be 0 to 255.`;
    throw networkFault('SecurityGroupInvalidIcmpValue', detail);
  }
  if (ports.port_range_min !== null || ports.port_range_max === null) return ports;
  const detail = `ICMP code (port-range-max) ${ports.port_range_max} is provided but ICMP type (port-range-min) is missing.`;
  throw networkFault('SecurityGroupMissingIcmpType', detail);
}

/** As it was given, with a length: `10.0.0.5` → `10.0.0.5/32`. */
function readPrefix(text: string | null | undefined, ethertype: 'IPv4' | 'IPv6'): string | null {
  if (!text) return null;
  const [address = '', length] = text.split('/');
  const base = parseAddress(address);
  const whole = base && (length === undefined ? `${address}/${bitsOf(base.version)}` : text);
  const cidr = whole ? parseCidr(whole) : undefined;
  if (!base || !cidr) throw networkFault('InvalidCIDR', `Invalid CIDR ${text} given as IP prefix.`);
  if (ethertype !== `IPv${base.version}`)
    throw networkFault('SecurityGroupRuleParameterConflict', `Conflicting value ethertype ${ethertype} for CIDR ${text}`);
  return `${formatAddress(base)}/${cidr.prefix}`;
}

/** Without host bits; null where there is no prefix. */
export function normalizedCidr(prefix: string | null): string | null {
  const cidr = prefix === null ? undefined : parseCidr(prefix);
  return cidr ? formatCidr(cidr) : null;
}

/** Equal for rules that permit the same: any address is no restriction, and a protocol's name is its number. */
export function ruleKey(rule: RulePlan): string {
  const { direction, ethertype, protocol, port_range_min, port_range_max, remote_group_id, remote_address_group_id } = rule;
  const isAny = rule.remote_ip_prefix === '0.0.0.0/0' || rule.remote_ip_prefix === '::/0';
  const prefix = isAny ? null : rule.remote_ip_prefix;
  const number = protocol === null ? null : numberOf(protocol);
  return JSON.stringify([
    ...[direction, ethertype, number, port_range_min, port_range_max],
    ...[remote_group_id, remote_address_group_id, prefix],
  ]);
}
