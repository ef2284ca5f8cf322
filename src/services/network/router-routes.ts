/** The extra routes of a router (neutron/db/extraroute_db.py). */
import { Fault } from '#domain/faults.ts';
import { formatAddress, formatCidr, parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { Store } from '#store/store.ts';
import type { ExtraRoute, Router } from '#store/tables/routers.ts';
import { networkFault } from './errors.ts';
import { addressIsWithin, portsOfRouters } from './router-ports.ts';

/** Neutron's default (`max_routes`). */
export const mostRoutes = 30;

const invalid = (reason: string) =>
  new Fault('badRequest', { detail: `Invalid input for routes. Reason: ${reason}.`, type: 'HTTPBadRequest' });

/** As programs print them. @throws Fault `badRequest`, `overQuota` */
export function plainRoutes(routes: readonly ExtraRoute[]): ExtraRoute[] {
  const plain = routes.map(({ destination, nexthop }) => {
    const [cidr, address] = [parseCidr(destination), parseAddress(nexthop)];
    if (!cidr) throw invalid(`'${destination}' is not a valid IP subnet`);
    if (!address || address.version !== cidr.version) throw invalid(`'${nexthop}' is not a valid nexthop for ${destination}`);
    return { destination: formatCidr(cidr), nexthop: formatAddress(address) };
  });
  const keys = plain.map(keyOf);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) throw invalid(`Duplicate hostroute '${twice}'`);
  if (plain.length > mostRoutes) throw new Fault('overQuota', { what: 'router_route' });
  return plain;
}

const keyOf = ({ destination, nexthop }: ExtraRoute) => `${destination} via ${nexthop}`;

/** @throws Fault `badRequest` if a next hop is not on a subnet of the router, or is the router itself */
export async function refuseUnreachable(store: Store, router: string, routes: readonly ExtraRoute[]): Promise<void> {
  if (routes.length === 0) return;
  const ports = (await portsOfRouters(store, [router])).get(router) ?? [];
  const own = ports.flatMap(({ fixed_ips }) => fixed_ips);
  const subnets = await store.subnets.pick(['cidr'], { id: own.map(({ subnet_id }) => subnet_id) });
  for (const { nexthop } of routes) {
    const isConnected = subnets.some(({ cidr }) => addressIsWithin(nexthop, cidr));
    if (!isConnected) throw refused(routes, 'the nexthop is not connected with router');
    if (own.some(({ ip_address }) => ip_address === nexthop)) throw refused(routes, 'the nexthop is used by router');
  }
}

function refused(routes: readonly ExtraRoute[], reason: string): Fault {
  const shown = routes.map(({ destination, nexthop }) => `{'destination': '${destination}', 'nexthop': '${nexthop}'}`);
  return networkFault('InvalidRoutes', `Invalid format for routes: [${shown.join(', ')}], ${reason}`);
}

/** Routes that are there already are added once. */
export const routesWith = ({ routes }: Router, added: readonly ExtraRoute[]): ExtraRoute[] => {
  const all = [...routes, ...added.flatMap((route) => plainRoutes([route]))];
  return [...new Map(all.map((route) => [keyOf(route), route])).values()];
};

/** What is not there need not be removed. */
export const routesWithout = ({ routes }: Router, removed: readonly ExtraRoute[]): ExtraRoute[] => {
  const gone = new Set(removed.flatMap((route) => plainRoutes([route])).map(keyOf));
  return routes.filter((route) => !gone.has(keyOf(route)));
};
