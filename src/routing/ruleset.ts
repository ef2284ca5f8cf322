/**
 * The rules of one router as text for `nft -f`: one table, which nft replaces as a whole. Only what a rule accepts is
 * forwarded. Rules look at the translation that a connection has, not only at its state, so that connections end with the
 * floating IP or the forwarding by which they came.
 */
import { Fault } from '#domain/faults.ts';
import { elementOf, rangesOf } from './ranges.ts';
import { addressesOf, type Forwarding, isMoved, mostMovedPorts, movedPorts, type WantedRouter } from './wanted.ts';

export const tableName = 'ingot';

/** Never forwarded to: "this network", loopback, link-local (metadata services), multicast, reserved. */
const never = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'];
/** RFC 1918 and RFC 6598: the site's own networks. */
const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'];

export type Limits = {
  /** Addresses of this host. */
  readonly hostAddresses: readonly string[];
  /** Private CIDRs that may be reached all the same. */
  readonly allowed: readonly string[];
};

/** @throws Fault `toolFailed` for a router that must not be */
export function rulesetOf(router: WantedRouter, { hostAddresses, allowed }: Limits): string {
  refuseUnfit(router, hostAddresses);
  const tenants = rangesOf(router.tenantCidrs).map(elementOf);
  const lines = [
    // Declared first, since a table that does not exist cannot be deleted.
    `table inet ${tableName}`,
    `delete table inet ${tableName}`,
    `table inet ${tableName} {`,
    ...set('never', 'ipv4_addr', rangesOf([...never, ...hostAddresses]).map(elementOf)),
    ...set('private', 'ipv4_addr', rangesOf(privateRanges).map(elementOf)),
    ...set('reachable', 'ipv4_addr', rangesOf([...router.externalCidrs, ...allowed]).map(elementOf)),
    ...set('tenants', 'ipv4_addr', tenants),
    ...set('answers', 'ipv4_addr', rangesOf(addressesOf(router)).map(elementOf)),
    ...set('sources', 'ipv4_addr . ipv4_addr', sourcesOf(router, tenants)),
    ...set('one_to_one', 'ipv4_addr', rangesOf(router.translations.map(({ floating }) => floating)).map(elementOf)),
    ...set('targets', 'ipv4_addr . ipv4_addr', targetsOf(router)),
    ...set('forwarded', 'ipv4_addr . ipv4_addr . inet_proto . inet_service', forwardedOf(router)),
    ...map('floating', 'ipv4_addr : ipv4_addr', pairs(router, 'floating', 'fixed')),
    ...map('fixed', 'ipv4_addr : ipv4_addr', pairs(router, 'fixed', 'floating')),
    ...map('to_address', 'ipv4_addr . inet_proto . inet_service : ipv4_addr', keepingPorts(router), 'interval'),
    ...map('to_port', 'ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service', changingPorts(router), 'interval'),
    ...chain('forward', 'type filter hook forward priority filter; policy drop;', forwardRules(router)),
    ...chain('input', 'type filter hook input priority filter; policy drop;', [
      'ip daddr @answers icmp type echo-request accept',
      'ct state established,related accept',
    ]),
    ...chain('prerouting', 'type nat hook prerouting priority dstnat;', [
      'dnat ip to ip daddr map @floating',
      'meta l4proto { tcp, udp, sctp, dccp } dnat ip to ip daddr . meta l4proto . th dport map @to_address',
      'meta l4proto { tcp, udp, sctp, dccp } dnat ip to ip daddr . meta l4proto . th dport map @to_port',
    ]),
    ...chain('postrouting', 'type nat hook postrouting priority srcnat;', sourceRules(router)),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

function refuseUnfit(router: WantedRouter, hostAddresses: readonly string[]): void {
  const refused = (detail: string) => new Fault('toolFailed', { tool: 'the data path of routers', detail });
  if (movedPorts(router.forwardings) > mostMovedPorts)
    throw refused(`more than ${mostMovedPorts} ports are forwarded to ports with other numbers`);
  // Neighbours would take the router for this host.
  const taken = addressesOf(router).find((address) => hostAddresses.includes(address));
  if (taken !== undefined) throw refused(`the address ${taken} is that of this host`);
}

function forwardRules({ inside, outside }: WantedRouter): string[] {
  const from = `iifname { ${inside.map(({ name }) => `"${name}"`).join(', ')} }`;
  const to = from.replace('iifname', 'oifname');
  const common = ['ct state invalid drop', 'ct direction original ip daddr @never drop'];
  if (inside.length === 0) return common;
  const between = `${from} ${to} ip saddr @tenants ip daddr @tenants accept`;
  if (!outside) return [...common, between];
  const [arriving, leaving] = [`iifname "${outside.name}" ${to}`, `${from} oifname "${outside.name}"`];
  const ofTarget = 'ct status dnat ct original ip daddr . ct reply ip saddr @targets';
  return [
    ...common,
    `iifname "${outside.name}" ip saddr @tenants drop`,
    between,
    // Connections to floating IPs and to ports of them, and their replies: also to clients whose range tenants cannot choose.
    `${arriving} ${ofTarget} ct original ip daddr @one_to_one accept`,
    `${leaving} ${ofTarget} ct original ip daddr @one_to_one ct direction reply accept`,
    `${arriving} ct status dnat ct direction original ct original ip daddr . ip daddr . meta l4proto . th dport @forwarded accept`,
    `${leaving} ct status dnat ct direction reply ct original ip daddr . ip saddr . meta l4proto . th sport @forwarded accept`,
    `${arriving} ${ofTarget} ct state related accept`,
    `${leaving} ${ofTarget} ct state related accept`,
    // Connections of the tenant.
    `${leaving} ct direction original ip daddr @private ip daddr != @reachable drop`,
    `${leaving} ct direction original ct state new ip saddr @tenants accept`,
    `${leaving} ct state established,related ct original ip saddr . ct reply ip daddr @sources accept`,
    `${arriving} ct state established,related ct original ip saddr . ct reply ip daddr @sources accept`,
  ];
}

function sourceRules({ inside, outside, snat }: WantedRouter): string[] {
  if (!outside) return [];
  const own = outside.addresses[0];
  const to = `oifname { ${inside.map(({ name }) => `"${name}"`).join(', ')} }`;
  return [
    `oifname "${outside.name}" snat ip to ip saddr map @fixed`,
    ...(snat === undefined ? [] : [`oifname "${outside.name}" ip saddr @tenants snat ip to ${snat}`]),
    // From a machine to a floating IP of its neighbour, which would answer directly otherwise.
    ...(inside.length === 0 || own === undefined
      ? []
      : [`${to} ct status dnat ip saddr @tenants snat ip to ${withoutPrefix(own)}`]),
  ];
}

/** Address of a machine, and as what the outside sees it. */
function sourcesOf({ translations, snat }: WantedRouter, tenants: readonly string[]): string[] {
  const others = tenants.map((tenant) => `${tenant} . ${snat ?? tenant}`);
  return [...translations.map(({ fixed, floating }) => `${fixed} . ${floating}`), ...others];
}

function targetsOf({ translations, forwardings }: WantedRouter): string[] {
  return [...new Set([...translations, ...forwardings].map(({ fixed, floating }) => `${floating} . ${fixed}`))];
}

/** As they are after the translation. */
function forwardedOf({ forwardings }: WantedRouter): string[] {
  return forwardings.map(({ floating, fixed, protocol, internal }) => `${floating} . ${fixed} . ${protocol} . ${span(internal)}`);
}

function pairs({ translations }: WantedRouter, from: 'floating' | 'fixed', to: 'floating' | 'fixed'): string[] {
  return translations.map((each) => `${each[from]} : ${each[to]}`);
}

const isKept = ({ external, internal }: Forwarding) => external[0] === internal[0] && external[1] === internal[1];

function keepingPorts({ forwardings }: WantedRouter): string[] {
  return forwardings
    .filter(isKept)
    .map(({ floating, protocol, external, fixed }) => `${floating} . ${protocol} . ${span(external)} : ${fixed}`);
}

function changingPorts({ forwardings }: WantedRouter): string[] {
  return forwardings
    .filter((each) => !isKept(each))
    .flatMap((each) => {
      const { floating, protocol, external, internal, fixed } = each;
      const key = (ports: string) => `${floating} . ${protocol} . ${ports} : ${fixed}`;
      if (!isMoved(each)) return [`${key(span(external))} . ${internal[0]}`];
      const count = external[1] - external[0] + 1;
      return Array.from({ length: count }, (_, index) => `${key(`${external[0] + index}`)} . ${internal[0] + index}`);
    });
}

const span = ([first, last]: readonly [number, number]) => (first === last ? `${first}` : `${first}-${last}`);
const withoutPrefix = (address: string) => address.split('/')[0] ?? '';

function set(name: string, type: string, elements: readonly string[]): string[] {
  return [`  set ${name} { type ${type}; flags interval; ${filled(elements)} }`];
}

function map(name: string, type: string, elements: readonly string[], flags?: 'interval'): string[] {
  return [`  map ${name} { type ${type}; ${flags ? `flags ${flags}; ` : ''}${filled(elements)} }`];
}

/** nft refuses an empty list. */
const filled = (elements: readonly string[]) => (elements.length === 0 ? '' : `elements = { ${elements.join(', ')} }`);

function chain(name: string, head: string, rules: readonly string[]): string[] {
  return [`  chain ${name} {`, `    ${head}`, ...rules.map((rule) => `    ${rule}`), '  }'];
}
