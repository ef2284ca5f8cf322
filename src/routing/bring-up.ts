/** Compares what a router should be with its namespace, and changes what differs. */
import { Fault } from '#domain/faults.ts';
import { type Namespaces, onHost } from './namespace.ts';
import { floatingAddresses, type WantedInterface, type WantedRoute, type WantedRouter } from './wanted.ts';

/** Of `ip -j`. */
type Link = {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly address: string;
  /** Of a macvlan: the interface of the host below it. */
  readonly link_index?: number;
};
type Address = { readonly family: string; readonly local: string; readonly prefixlen: number };
type LinkWithAddresses = Link & { readonly addr_info: readonly Address[] };
type Route = {
  readonly dst: string;
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol?: string;
};
export type HostLink = {
  readonly ifindex: number;
  readonly ifname: string;
  readonly master?: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly isBridge: boolean;
};
export type Wires = { readonly inside: string; readonly outside: string };

export async function readHostLinks(signal: AbortSignal): Promise<ReadonlyMap<string, HostLink>> {
  type Shown = Omit<HostLink, 'isBridge'> & { readonly linkinfo?: { readonly info_kind?: string } };
  const shown = JSON.parse(await onHost('ip', ['-j', '-d', 'link', 'show'], signal)) as Shown[];
  return new Map(shown.map((link) => [link.ifname, { ...link, isBridge: link.linkinfo?.info_kind === 'bridge' }]));
}

export type BringUp = {
  readonly namespaces: Namespaces;
  readonly router: WantedRouter;
  readonly rules: string;
  /** What nft showed of the rules when they were loaded; undefined: unknown. */
  readonly loaded: string | undefined;
  readonly wires: Wires;
  readonly host: ReadonlyMap<string, HostLink>;
  readonly signal: AbortSignal;
};

/** Idempotent. @returns what nft shows of the loaded rules. @throws Fault `toolFailed` */
export async function bringUp(options: BringUp): Promise<string> {
  const { namespaces, router, signal } = options;
  await namespaces.make(router.id, signal);
  // Before anything can pass by them.
  const loaded = await loadRules(options);
  await namespaces.forward(router.id, signal);
  let { links, routes } = await observe(options);
  if (await connect(options, links)) ({ links, routes } = await observe(options));
  // The kernel removes routes with the addresses by which they went.
  if (await address(options, links)) ({ routes } = await observe(options));
  await route(options, routes);
  return loaded;
}

async function loadRules({ namespaces, router, rules, loaded, signal }: BringUp): Promise<string> {
  const show = () => namespaces.run(router.id, ['nft', '-s', 'list', 'ruleset'], signal);
  if (loaded !== undefined && (await show()) === loaded) return loaded;
  await namespaces.run(router.id, ['nft', '-f', '-'], signal, rules);
  return await show();
}

const interfacesOf = ({ inside, outside }: WantedRouter) => [...inside, ...(outside ? [outside] : [])];

/** @returns whether interfaces were added or removed */
async function connect(options: BringUp, present: readonly Link[]): Promise<boolean> {
  const { namespaces, router, wires, host, signal } = options;
  const isFitting = (each: WantedInterface, wire: HostLink) => {
    const found = present.find(({ ifname }) => ifname === each.name);
    if (found?.address !== each.mac || wire.isBridge !== host.has(each.hostName)) return false;
    return wire.isBridge || found.link_index === wire.ifindex;
  };
  const wanted = interfacesOf(router).map((each) => ({
    each,
    wire: wireOf(host, each === router.outside ? wires.outside : wires.inside),
  }));
  const fitting = new Set(wanted.filter(({ each, wire }) => isFitting(each, wire)).map(({ each }) => each.name));
  const surplus = present.filter(({ ifname }) => /^q[rg]-/.test(ifname) && !fitting.has(ifname));
  await batch(
    options,
    surplus.map(({ ifname }) => `link del ${ifname}`),
  );
  for (const { each, wire } of wanted) {
    if (!fitting.has(each.name)) await onHost('ip', addingOf(each, wire, namespaces.fileOf(router.id)), signal);
    const end = host.get(each.hostName);
    const isPlugged = fitting.has(each.name) && end?.master === wire.ifname && end.flags.includes('UP');
    if (wire.isBridge && !isPlugged)
      await onHost('ip', ['link', 'set', 'dev', each.hostName, 'master', wire.ifname, 'up'], signal);
  }
  return surplus.length > 0 || fitting.size < wanted.length;
}

function wireOf(host: BringUp['host'], name: string): HostLink {
  const wire = host.get(name);
  if (!wire) throw new Fault('toolFailed', { tool: 'the data path of routers', detail: `there is no interface ${name}` });
  return wire;
}

/** A pair of which one end is on the bridge; on an interface that is no bridge, a second MAC address of it. */
function addingOf({ name, hostName, mac }: WantedInterface, { ifname, isBridge, mtu }: HostLink, namespace: string): string[] {
  const own = ['name', name, 'address', mac, 'mtu', String(mtu), 'netns', namespace];
  return isBridge
    ? ['link', 'add', 'name', hostName, 'mtu', String(mtu), 'type', 'veth', 'peer', ...own]
    : ['link', 'add', 'link', ifname, ...own, 'type', 'macvlan', 'mode', 'bridge'];
}

async function observe({ namespaces, router, signal }: BringUp): Promise<{ links: LinkWithAddresses[]; routes: Route[] }> {
  const shown = await namespaces.run(router.id, ['ip', '-j', '-batch', '-'], signal, 'addr show\nroute show\n');
  const [links = '[]', routes = '[]'] = shown.split('\n').filter((line) => line !== '');
  return { links: JSON.parse(links) as LinkWithAddresses[], routes: JSON.parse(routes) as Route[] };
}

/**
 * Neighbours that knew an address elsewhere learn where it is now: the kernel announces all addresses of an interface that
 * comes up or gets a MAC, also the one that it has. A program that does so takes a second for each address.
 * @returns whether anything was changed
 */
async function address(options: BringUp, links: readonly LinkWithAddresses[]): Promise<boolean> {
  const { router } = options;
  const found = new Map(links.map((link) => [link.ifname, link]));
  const lines = interfacesOf(router).flatMap((each) => {
    const link = found.get(each.name);
    const wanted = new Set(placesOf(each, router));
    const has = new Set(
      (link?.addr_info ?? []).filter(({ family }) => family === 'inet').map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    );
    const added = [...wanted.difference(has)];
    const isUp = link?.flags.includes('UP') ?? false;
    return [
      ...[...has.difference(wanted)].map((old) => `addr del ${old} dev ${each.name}`),
      ...added.map((fresh) => `addr replace ${fresh} dev ${each.name}`),
      ...(isUp ? [] : [`link set dev ${each.name} up`]),
      ...(isUp && added.length > 0 ? [`link set dev ${each.name} address ${each.mac}`] : []),
    ];
  });
  await batch(options, lines);
  return lines.length > 0;
}

function placesOf(each: WantedInterface, router: WantedRouter): string[] {
  if (each !== router.outside) return [...each.addresses];
  const own = new Set(each.addresses.map((address) => address.split('/')[0]));
  const floating = floatingAddresses(router).filter((address) => !own.has(address));
  return [...each.addresses, ...floating.map((address) => `${address}/32`)];
}

async function route(options: BringUp, routes: readonly Route[]): Promise<void> {
  // Those that the kernel made follow the addresses.
  const has = new Map(routes.filter(({ protocol }) => protocol !== 'kernel').map((each) => [plainDestination(each.dst), each]));
  const wanted = new Map(options.router.routes.map((each) => [each.to, each]));
  const lines: string[] = [];
  for (const to of has.keys()) if (!wanted.has(to)) lines.push(`route del ${to}`);
  for (const each of wanted.values()) if (!isSame(has.get(each.to), each)) lines.push(`route replace ${wordsOf(each)}`);
  await batch(options, lines);
}

function plainDestination(dst: string): string {
  if (dst === 'default') return '0.0.0.0/0';
  return dst.includes('/') ? dst : `${dst}/32`;
}

const wordsOf = ({ to, via, device }: WantedRoute) => (via === undefined ? `${to} dev ${device} scope link` : `${to} via ${via}`);

function isSame(found: Route | undefined, { via, device }: WantedRoute): boolean {
  return found !== undefined && found.gateway === via && (device === undefined || found.dev === device);
}

async function batch({ namespaces, router, signal }: BringUp, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  await namespaces.run(router.id, ['ip', '-batch', '-'], signal, lines.map((line) => `${line}\n`).join(''));
}
