/**
 * Network namespaces around a host that runs Ingot: `host` has a bridge for machines and one to the outside; `machine-…` are on
 * the first, `outside` on the second. Ingot runs in `host`, and stays in the mount namespace of the test.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { canServe, labAccount } from '#lab/start-ingot.ts';

const needed = ['ip', 'nft', 'busybox', 'setpriv', 'curl', 'nsenter', 'unshare'];
/** `NSFS_MAGIC` of linux/magic.h. */
const nsfsMagic = 0x6e_73_66_73;
const program = fileURLToPath(new URL('../bin/ingot', import.meta.url));
const compiled = fileURLToPath(new URL('../.cache/compiled-by-account', import.meta.url));

/** Why such a network cannot be made here, or false. */
export function whyNoRouters(): string | false {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  const missing = needed.filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing.length > 0) return `needs the programs ${missing.join(', ')}`;
  const rules =
    'table inet t { map m { type ipv4_addr : ipv4_addr; }; chain c { type nat hook prerouting priority dstnat; dnat ip to ip daddr map @m; }; }';
  const { status, stderr } = spawnSync('unshare', ['--net', 'nft', '-f', '-'], { input: rules, encoding: 'utf8' });
  return status !== 0 && `the kernel has no nftables in namespaces: ${stderr.trim()}`;
}

// biome-ignore lint/suspicious/noExplicitAny: each reply has a shape of its own
type Body = any;

export type Tenant = { router: string; subnet: string; port: string /** Its address outside. */; gateway: string };

export class RoutedNetwork {
  readonly provisioning = '172.30.9.1';
  readonly hostOutside = '203.0.113.9';
  readonly state: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'ingot-routed-'));
  readonly #namespaces: string[] = [];
  readonly #services: ChildProcess[] = [];
  #ingot: ChildProcess | undefined;
  #said: string[] = [];
  #url = '';
  #token = '';

  constructor() {
    this.state = join(this.#folder, 'state');
    chmodSync(this.#folder, 0o755);
    this.#make('host');
    for (const [bridge, address] of [
      ['inside', `${this.provisioning}/24`],
      ['outside', `${this.hostOutside}/24`],
    ] as const) {
      this.ip('host', ['link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0']);
      this.ip('host', ['addr', 'add', address, 'dev', bridge]);
      this.ip('host', ['link', 'set', bridge, 'up']);
    }
  }

  /** A namespace with one interface on a bridge of the host, or on its interface `to-NAME` alone. */
  add(name: string, bridge: 'inside' | 'outside' | 'alone', { address, gateway }: { address: string; gateway?: string }): void {
    this.#make(name);
    const words = ['link', 'add', `to-${name}`, 'netns', this.#name('host'), 'type', 'veth', 'peer', 'name', 'eth0'];
    run('ip', [...words, 'netns', this.#name(name)]);
    const master = bridge === 'alone' ? [] : ['master', bridge];
    this.ip('host', ['link', 'set', `to-${name}`, ...master, 'up']);
    this.ip(name, ['addr', 'add', address, 'dev', 'eth0']);
    this.ip(name, ['link', 'set', 'eth0', 'up']);
    if (gateway) this.ip(name, ['route', 'add', 'default', 'via', gateway]);
  }

  ip(name: string, words: readonly string[]): string {
    return run('ip', ['-n', this.#name(name), ...words]);
  }

  /** A TCP service in the namespace that tells each client the service's name and the client's address. */
  listen(name: string, port: number): Promise<void> {
    return this.#serve(name, port, `s.end('${name} ' + s.remoteAddress)`);
  }

  /** A TCP service that repeats what it is told. */
  repeat(name: string, port: number): Promise<void> {
    return this.#serve(name, port, 's.pipe(s)');
  }

  async #serve(name: string, port: number, answer: string): Promise<void> {
    const onClient = `(s) => { s.on('error', () => {}); ${answer}; }`;
    const code = `require('node:net').createServer(${onClient}).listen(${port}, '0.0.0.0', () => console.log('up'))`;
    const service = this.#spawn(name, [process.execPath, '-e', code]);
    this.#services.push(service);
    await once(createInterface({ input: service.stdout! }), 'line');
  }

  /** A TCP connection that stays. @returns what sends a line, and tells whether another came back */
  connect(name: string, address: string, port: number): (line: string) => Promise<boolean> {
    const client = this.#spawn(name, ['busybox', 'nc', address, String(port)]);
    this.#services.push(client);
    const lines = createInterface({ input: client.stdout! });
    return async (line) => {
      const answer = once(lines, 'line').then(() => true);
      client.stdin!.write(`${line}\n`);
      return Promise.race([answer, setTimeout(3000, false)]);
    };
  }

  /** What the TCP service at this place says; '' if nothing is reached within so many seconds. */
  from(name: string, address: string, port: number, seconds = 10): string {
    const words = ['busybox', 'nc', '-w', String(seconds), address, String(port)];
    return spawnSync('ip', ['netns', 'exec', this.#name(name), ...words], { encoding: 'utf8', input: '', timeout: 20_000 })
      .stdout;
  }

  isClosed(name: string, address: string, port: number): boolean {
    return this.from(name, address, port, 1) === '';
  }

  pings(name: string, address: string): boolean {
    const words = ['busybox', 'ping', '-c', '1', '-W', '1', address];
    return spawnSync('ip', ['netns', 'exec', this.#name(name), ...words]).status === 0;
  }

  async start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const all = {
      state_dir: this.state,
      'api.listen': '127.0.0.1:6385',
      'admin.password': 'pw',
      'process.user': canServe(labAccount) ? String(labAccount.uid) : 'root',
      'provisioning.address': this.provisioning,
      'provisioning.cidr': '172.30.9.0/24',
      'network.router': 'outside',
      'network.router_inside': 'inside',
      'network.router_check_interval': '1',
      ...settings,
    };
    const flags = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
    const child = this.#spawn('host', [program, 'serve', ...flags], { NODE_COMPILE_CACHE: cacheOf(all['process.user']) });
    this.#ingot = child;
    const serving = Promise.withResolvers<void>();
    this.#said = [];
    for (const output of [child.stdout!, child.stderr!])
      createInterface({ input: output }).on('line', (line) => {
        this.#said.push(line);
        if (line.startsWith('Ingot serves')) serving.resolve();
      });
    await Promise.race([serving.promise, once(child, 'close')]);
    if (child.exitCode !== null) throw new Error(this.said);
    this.#url = 'http://127.0.0.1:6385';
    const identity = { methods: ['password'], password: { user: { name: 'admin', domain: { id: 'default' }, password: 'pw' } } };
    const auth = { auth: { identity, scope: { project: { name: 'admin', domain: { id: 'default' } } } } };
    const headers = this.#curl([
      '-D',
      '-',
      '-o',
      '/dev/null',
      '-d',
      JSON.stringify(auth),
      `${this.#url}/identity/v3/auth/tokens`,
    ]);
    this.#token = /x-subject-token: (\S+)/i.exec(headers)?.[1] ?? '';
  }

  get said(): string {
    return this.#said.join('\n');
  }

  get pid(): number {
    return this.#ingot?.pid ?? 0;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#ingot;
    this.#ingot = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    child.kill(signal);
    await ended;
  }

  /** A request to the network API. Throws if it is refused. */
  ask(method: string, path: string, body?: unknown): Body {
    const data = body === undefined ? [] : ['-d', JSON.stringify(body)];
    const text = this.#curl(['-X', method, '-H', `x-auth-token: ${this.#token}`, ...data, `${this.#url}/network/v2.0/${path}`]);
    const reply = text === '' ? undefined : JSON.parse(text);
    if (reply?.NeutronError) throw new Error(`${method} ${path}: ${JSON.stringify(reply)}`);
    return reply;
  }

  /** The external network, on which `out` is the router of the site. @returns its id */
  addExternal(): string {
    const id = this.ask('POST', 'networks', { network: { name: 'external', 'router:external': true } }).network.id;
    const subnet = { network_id: id, ip_version: 4, cidr: '203.0.113.0/24', gateway_ip: '203.0.113.1' };
    const allocation_pools = [{ start: '203.0.113.20', end: '203.0.113.60' }];
    this.ask('POST', 'subnets', { subnet: { ...subnet, allocation_pools } });
    return id;
  }

  /** A network with the address PREFIX.5, behind a router of its own. */
  addTenant(prefix: string, external: string): Tenant {
    const network_id = this.ask('POST', 'networks', { network: { name: prefix } }).network.id;
    const subnet = this.ask('POST', 'subnets', { subnet: { network_id, ip_version: 4, cidr: `${prefix}.0/24` } }).subnet.id;
    const fixed_ips = [{ subnet_id: subnet, ip_address: `${prefix}.5` }];
    const port = this.ask('POST', 'ports', { port: { network_id, fixed_ips } }).port.id;
    const { router } = this.ask('POST', 'routers', { router: { external_gateway_info: { network_id: external } } });
    this.ask('PUT', `routers/${router.id}/add_router_interface`, { subnet_id: subnet });
    return { router: router.id, subnet, port, gateway: router.external_gateway_info.external_fixed_ips[0].ip_address };
  }

  floatingStatus(id: string): string {
    return this.ask('GET', `floatingips/${id}`).floatingip.status;
  }

  /** Once it forwards. @returns id and address */
  async addFloating(external: string, port_id: string): Promise<{ id: string; address: string }> {
    const { floatingip } = this.ask('POST', 'floatingips', { floatingip: { floating_network_id: external, port_id } });
    await this.until('the floating IP is ACTIVE', () => this.floatingStatus(floatingip.id) === 'ACTIVE');
    return { id: floatingip.id, address: floatingip.floating_ip_address };
  }

  /** Polls what only a client sees. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    for (let poll = 0; poll < 100; poll++) {
      if (isSo()) return;
      await setTimeout(100);
    }
    throw new Error(`${what}: this did not come true; Ingot said:\n${this.said}`);
  }

  #curl(words: readonly string[]): string {
    return run('nsenter', [this.#net('host'), 'curl', '-s', '-H', 'content-type: application/json', ...words]);
  }

  /** Runs a program in the namespace of a router. */
  inRouter(id: string, words: readonly string[]): string {
    return run('nsenter', [`--net=${this.#fileOf(id)}`, ...words]);
  }

  killRouter(id: string): void {
    run('busybox', ['umount', '-l', this.#fileOf(id)]);
  }

  makeRouter(id: string): void {
    run('unshare', [`--net=${this.#fileOf(id)}`, 'true']);
  }

  hasNamespace(id: string): boolean {
    return statfsSync(this.#fileOf(id)).type === nsfsMagic;
  }

  /** Ids of routers that have a namespace. */
  routers(): string[] {
    return readdirSync(join(this.state, 'routers'));
  }

  readonly #fileOf = (id: string) => join(this.state, 'routers', id);
  readonly #name = (name: string) => `ingot-l3-${process.pid}-${name}`;
  readonly #net = (name: string) => `--net=/run/netns/${this.#name(name)}`;

  #make(name: string): void {
    run('ip', ['netns', 'add', this.#name(name)]);
    this.#namespaces.push(name);
    this.ip(name, ['link', 'set', 'lo', 'up']);
  }

  #spawn(name: string, words: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
    return spawn('nsenter', [this.#net(name), ...words], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  }

  async close(): Promise<void> {
    await this.stop();
    for (const service of this.#services) service.kill('SIGKILL');
    const files = spawnSync('find', [join(this.state, 'routers'), '-type', 'f'], { encoding: 'utf8' }).stdout.split('\n');
    for (const file of files.filter(Boolean)) spawnSync('busybox', ['umount', '-l', file]);
    for (const name of this.#namespaces) spawnSync('ip', ['netns', 'delete', this.#name(name)]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The account has no home, and would compile everything again at each start. */
function cacheOf(user: string): string {
  if (user === 'root') return process.env['NODE_COMPILE_CACHE'] ?? '';
  mkdirSync(compiled, { recursive: true, mode: 0o700 });
  chownSync(compiled, labAccount.uid, labAccount.gid);
  return compiled;
}

function run(name: string, words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(name, words, { encoding: 'utf8', timeout: 30_000 });
  if (status !== 0) throw new Error(`${name} ${words.join(' ')}: ${stderr}`);
  return stdout;
}
