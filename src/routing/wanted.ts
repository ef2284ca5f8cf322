/**
 * What the rows of routers say: their interfaces, addresses, routes and translations. IPv4 only. Every text is an address or
 * a number that was parsed here, so that it may stand in a rule or a command.
 */
import { formatCidr, isIn, parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { Store } from '#store/store.ts';
import type { FloatingIp, PortForwarding } from '#store/tables/floating-ips.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Router, RouterPort } from '#store/tables/routers.ts';
import type { Subnet } from '#store/tables/subnets.ts';
import { plainAddress } from './ranges.ts';

export type WantedInterface = {
  readonly port: string;
  /** In the router's namespace. Named as Neutron's L3 agent does. */
  readonly name: string;
  /** The other end of the veth pair. */
  readonly hostName: string;
  readonly mac: string;
  /** With prefix length. */
  readonly addresses: readonly string[];
  readonly cidrs: readonly string[];
};
export type WantedRoute = { readonly to: string; readonly via?: string; readonly device?: string };
export type Translation = { readonly floating: string; readonly fixed: string };
export type Forwarding = {
  readonly floating: string;
  readonly protocol: string;
  readonly fixed: string;
  readonly external: readonly [first: number, last: number];
  readonly internal: readonly [first: number, last: number];
};
export type WantedRouter = {
  readonly id: string;
  readonly inside: readonly WantedInterface[];
  readonly outside?: WantedInterface;
  /** All subnets of the external network. */
  readonly externalCidrs: readonly string[];
  /** Subnets of the interfaces, and networks behind them. */
  readonly tenantCidrs: readonly string[];
  /** Source of what leaves to the external network. */
  readonly snat?: string;
  readonly routes: readonly WantedRoute[];
  readonly translations: readonly Translation[];
  readonly forwardings: readonly Forwarding[];
};
/** A router, and the rows whose status tells whether it forwards. */
export type RouterRows = {
  readonly wanted: WantedRouter;
  readonly floating: readonly FloatingIp[];
  readonly ports: readonly Port[];
};

/** Protocols with ports. */
const withPorts: ReadonlySet<string> = new Set(['tcp', 'udp', 'sctp', 'dccp']);
/** Ranges that are moved need an element of a map for each port. */
export const mostMovedPorts = 20_000;

export type AllRouters = {
  readonly routers: readonly RouterRows[];
  /** Those of which a row has what no program could be told. */
  readonly unreadable: readonly { readonly id: string; readonly reason: string }[];
  /** Of routers that have nothing to forward, or are switched off. */
  readonly idle: { readonly floating: readonly FloatingIp[]; readonly ports: readonly Port[] };
};

export async function readRouters(store: Store): Promise<AllRouters> {
  const links = await store.router_ports.list({}, { orderBy: 'port_id' });
  if (links.length === 0) return { routers: [], unreadable: [], idle: { floating: [], ports: [] } };
  const ports = await store.ports.list({ device_owner: ['network:router_interface', 'network:router_gateway'] });
  const subnets = await store.subnets.list();
  const floating = (await store.floating_ips.list({}, { orderBy: 'id' })).filter(({ router_id }) => router_id !== null);
  const forwardings = await store.port_forwardings.list({}, { orderBy: 'id' });
  const tables: Tables = {
    links: Map.groupBy(links, ({ router_id }) => router_id),
    ports: new Map(ports.map((port) => [port.id, port])),
    subnets: new Map(subnets.map((subnet) => [subnet.id, subnet])),
    subnetsOf: Map.groupBy(subnets, ({ network_id }) => network_id),
    floating: Map.groupBy(floating, ({ router_id }) => router_id ?? ''),
    forwardings: Map.groupBy(forwardings, ({ floatingip_id }) => floatingip_id),
  };
  const all = await store.routers.list({ admin_state_up: true }, { orderBy: 'id' });
  const routers: RouterRows[] = [];
  const unreadable: { id: string; reason: string }[] = [];
  for (const router of all)
    try {
      const rows = rowsOf(router, tables);
      if (rows) routers.push(rows);
    } catch (error) {
      unreadable.push({ id: router.id, reason: String(error) });
    }
  const used = new Set(routers.flatMap((each) => [...each.floating, ...each.ports].map(({ id }) => id)));
  const isIdle = ({ id }: { id: string }) => !used.has(id);
  const linked = links.flatMap(({ port_id }) => tables.ports.get(port_id) ?? []);
  return { routers, unreadable, idle: { floating: floating.filter(isIdle), ports: linked.filter(isIdle) } };
}

type Tables = {
  readonly links: ReadonlyMap<string, readonly RouterPort[]>;
  readonly ports: ReadonlyMap<string, Port>;
  readonly subnets: ReadonlyMap<string, Subnet>;
  readonly subnetsOf: ReadonlyMap<string, readonly Subnet[]>;
  readonly floating: ReadonlyMap<string, readonly FloatingIp[]>;
  readonly forwardings: ReadonlyMap<string, readonly PortForwarding[]>;
};

function rowsOf(router: Router, tables: Tables): RouterRows | undefined {
  const used = (tables.links.get(router.id) ?? []).flatMap(({ port_id, kind }) => {
    const port = tables.ports.get(port_id);
    return port?.admin_state_up ? [{ port, kind }] : [];
  });
  const inside = used.flatMap(({ port, kind }) => (kind === 'interface' ? interfaceOf('qr', port, tables) : []));
  const gateway = used.find(({ kind }) => kind === 'gateway')?.port;
  const [outside] = gateway ? interfaceOf('qg', gateway, tables) : [];
  if (inside.length === 0 && !outside) return undefined;
  const external = (tables.subnetsOf.get(gateway?.network_id ?? '') ?? []).filter(({ ip_version }) => ip_version === 4);
  const floating = outside ? (tables.floating.get(router.id) ?? []) : [];
  const connected = new Set([...inside, ...(outside ? [outside] : [])].flatMap(({ cidrs }) => cidrs));
  const routes = extraRoutes(router).filter(({ to }) => !connected.has(to));
  const behind = routes.filter(({ via }) => inside.some(({ cidrs }) => cidrs.some((cidr) => contains(cidr, via))));
  const own = outside?.addresses[0]?.split('/')[0];
  const wanted: WantedRouter = {
    id: router.id,
    inside,
    ...(outside && { outside }),
    externalCidrs: outside ? external.map(({ cidr }) => plainCidr(cidr)) : [],
    tenantCidrs: [...inside.flatMap(({ cidrs }) => cidrs), ...behind.map(({ to }) => to)],
    ...(router.enable_snat && own !== undefined && { snat: own }),
    routes: oneEach([...externalRoutes(outside, gateway, { external, tables }), ...routes]),
    translations: floating.flatMap(translationsOf),
    forwardings: floating.flatMap((each) => forwardingsOf(each, tables.forwardings.get(each.id) ?? [])),
  };
  return { wanted, floating, ports: used.map(({ port }) => port) };
}

function interfaceOf(kind: 'qr' | 'qg', { id, mac_address, fixed_ips }: Port, tables: Tables): WantedInterface[] {
  const v4 = fixed_ips.flatMap(({ subnet_id, ip_address }) => {
    const cidr = parseCidr(tables.subnets.get(subnet_id)?.cidr ?? '');
    return cidr?.version === 4 ? [{ cidr, address: plainAddress(ip_address) }] : [];
  });
  if (v4.length === 0 || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac_address)) return [];
  const digits = id.replace(/[^0-9a-f]/g, '');
  return [
    {
      port: id,
      name: `${kind}-${digits.slice(0, 11)}`,
      hostName: `igr${digits.slice(0, 12)}`,
      mac: mac_address,
      addresses: v4.map(({ cidr, address }) => `${address}/${cidr.prefix}`),
      cidrs: v4.map(({ cidr }) => formatCidr(cidr)),
    },
  ];
}

/** The default route, and subnets of the external network in which the gateway has no address. */
function externalRoutes(
  outside: WantedInterface | undefined,
  gateway: Port | undefined,
  { external, tables }: { external: readonly Subnet[]; tables: Tables },
): WantedRoute[] {
  if (!outside) return [];
  const others = external.map(({ cidr }) => plainCidr(cidr)).filter((cidr) => !outside.cidrs.includes(cidr));
  const routers = (gateway?.fixed_ips ?? []).map(({ subnet_id }) => tables.subnets.get(subnet_id));
  const via = routers.find((subnet) => subnet?.ip_version === 4 && subnet.gateway_ip)?.gateway_ip;
  return [...others.map((to) => ({ to, device: outside.name })), ...(via ? [{ to: '0.0.0.0/0', via: plainAddress(via) }] : [])];
}

/** The last to each destination, as `ip route replace` would have it. */
const oneEach = (routes: readonly WantedRoute[]) => [...new Map(routes.map((route) => [route.to, route])).values()];

function extraRoutes({ routes }: Router): { to: string; via: string }[] {
  return routes.flatMap(({ destination, nexthop }) => {
    const cidr = parseCidr(destination);
    return cidr?.version === 4 ? [{ to: formatCidr(cidr), via: plainAddress(nexthop) }] : [];
  });
}

function translationsOf({ floating_ip_address, fixed_ip_address }: FloatingIp): Translation[] {
  if (fixed_ip_address === null) return [];
  return [{ floating: plainAddress(floating_ip_address), fixed: plainAddress(fixed_ip_address) }];
}

function forwardingsOf({ floating_ip_address }: FloatingIp, rows: readonly PortForwarding[]): Forwarding[] {
  return rows
    .filter(({ protocol }) => withPorts.has(protocol))
    .map((row) => ({
      floating: plainAddress(floating_ip_address),
      protocol: row.protocol,
      fixed: plainAddress(row.internal_ip_address),
      external: [Number(row.external_first), Number(row.external_last)],
      internal: [Number(row.internal_first), Number(row.internal_last)],
    }));
}

const plainCidr = (text: string): string => {
  const cidr = parseCidr(text);
  if (cidr?.version !== 4) throw new Error(`${JSON.stringify(text)} is not an IPv4 subnet`);
  return formatCidr(cidr);
};

function contains(cidr: string, address: string): boolean {
  const [range, value] = [parseCidr(cidr), parseAddress(address)];
  return range !== undefined && value !== undefined && isIn(value, range);
}

/** All addresses of the external network that the router answers for. */
export function floatingAddresses({ translations, forwardings }: WantedRouter): string[] {
  return [...new Set([...translations, ...forwardings].map(({ floating }) => floating))];
}

/** All that the router answers for, without prefix length. */
export function addressesOf(router: WantedRouter): string[] {
  const own = [...router.inside, ...(router.outside ? [router.outside] : [])].flatMap(({ addresses }) => addresses);
  return [...own.map((address) => address.split('/')[0] ?? ''), ...floatingAddresses(router)];
}

/** The ports of ranges that keep their length but not their numbers. */
export function movedPorts(forwardings: readonly Forwarding[]): number {
  return forwardings.filter(isMoved).reduce((sum, { external: [first, last] }) => sum + last - first + 1, 0);
}

export function isMoved({ external, internal }: Forwarding): boolean {
  return internal[1] > internal[0] && internal[0] !== external[0];
}
