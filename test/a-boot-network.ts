/** Two connected network namespaces: `server` has a bridge, `machine` is one NIC whose MAC address can be set. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Crafted } from './a-crafted-client.ts';

export type Lease = {
  ip: string;
  boot_file?: string;
  siaddr?: string;
  hostname?: string;
  router?: string;
  lease?: string;
  dns?: string;
  domain?: string;
  mtu?: string;
  ntpsrv?: string;
  /** Destinations and next hops by turns. */
  staticroutes?: string;
  /** Option 67; `boot_file` is the field of the header. */
  bootfile?: string;
};

export type DhcpClient = {
  isIpxe?: boolean;
  tries?: number;
  clientId?: string;
  /** Option 93. */
  architecture?: number;
  /** Option 60. */
  vendorClass?: string;
  /** Option 77. */
  userClass?: string;
};

const craftedClient = fileURLToPath(new URL('a-crafted-client.ts', import.meta.url));
const needed = ['ip', 'dnsmasq', 'busybox', 'setpriv', 'curl'];

/** Why such a network cannot be created here, or false. */
export function whyNoBootNetwork(): string | false {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces';
  const missing = needed.filter((program) => spawnSync('which', [program]).status !== 0);
  return missing.length > 0 && `needs the programs ${missing.join(', ')}`;
}

export class BootNetwork {
  readonly server: string;
  readonly machine: string;
  readonly bridge = 'br0';
  readonly address = '172.31.9.1';
  readonly cidr = '172.31.9.0/24';
  readonly #directory = mkdtempSync(join(tmpdir(), 'ingot-boot-network-'));

  constructor() {
    this.server = `ingot-boot-${process.pid}-s`;
    this.machine = `ingot-boot-${process.pid}-m`;
    const script = join(this.#directory, 'udhcpc');
    writeFileSync(script, udhcpcScript, { mode: 0o755 });
    for (const namespace of [this.server, this.machine]) run('ip', ['netns', 'add', namespace]);
    run('ip', ['-n', this.server, 'link', 'add', this.bridge, 'type', 'bridge', 'forward_delay', '0']);
    run('ip', ['-n', this.server, 'addr', 'add', `${this.address}/24`, 'dev', this.bridge]);
    run('ip', ['link', 'add', 'cable', 'netns', this.server, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.machine]);
    run('ip', ['-n', this.server, 'link', 'set', 'cable', 'master', this.bridge, 'up']);
    run('ip', ['-n', this.machine, 'link', 'set', 'eth0', 'up']);
    this.loopback('up');
    run('ip', ['-n', this.server, 'link', 'set', this.bridge, 'up']);
  }

  loopback(state: 'up' | 'down'): void {
    run('ip', ['-n', this.server, 'link', 'set', 'lo', state]);
  }

  /** Takes that MAC address and requests an address by DHCP; undefined when no server responds. */
  dhcp(
    mac: string,
    { isIpxe = false, tries = 5, clientId, architecture, vendorClass, userClass }: DhcpClient = {},
  ): Lease | undefined {
    run('ip', ['-n', this.machine, 'addr', 'flush', 'dev', 'eth0']);
    // Without taking the link down: a bridge detects link up slowly.
    run('ip', ['-n', this.machine, 'link', 'set', 'eth0', 'address', mac]);
    // Where a response is expected, the timeout allows for a machine under load.
    const secondsToTry = tries > 2 ? 4 : 1;
    const options = [
      '-n',
      '-q',
      '-f',
      '-t',
      String(tries),
      '-T',
      String(secondsToTry),
      ...['bootfile', 'vendor', 'domain', 'mtu', 'ntpsrv', 'staticroutes'].flatMap((option) => ['-O', option]),
      '-s',
      join(this.#directory, 'udhcpc'),
    ];
    if (isIpxe) options.push('-x', '0xaf:b105010119');
    if (architecture !== undefined) options.push('-x', `0x5d:${architecture.toString(16).padStart(4, '0')}`);
    if (vendorClass) options.push('-V', vendorClass);
    if (userClass) options.push('-x', `0x4d:${Buffer.from(userClass).toString('hex')}`);
    if (clientId) options.push('-x', `0x3d:${clientId}`);
    const result = this.inMachine('busybox', ['udhcpc', '-i', 'eth0', ...options]);
    if (result.status !== 0) return undefined;
    const pairs = result.stdout.split('\n').filter((line) => line.includes('='));
    return Object.fromEntries(pairs.map((line) => line.split(/=(.*)/s).slice(0, 2))) as Lease;
  }

  /** Takes that MAC address and sets an IP address without DHCP. */
  takeAddress(mac: string, address: string): void {
    run('ip', ['-n', this.machine, 'addr', 'flush', 'dev', 'eth0']);
    run('ip', ['-n', this.machine, 'link', 'set', 'eth0', 'address', mac]);
    run('ip', ['-n', this.machine, 'addr', 'add', `${address}/24`, 'dev', 'eth0']);
    // Clears the server kernel's neighbour entry of that address, as happens after a minute or by an announcement.
    spawnSync('ip', ['-n', this.server, 'neigh', 'del', address, 'dev', this.bridge]);
  }

  inMachine(program: string, args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync('ip', ['netns', 'exec', this.machine, program, ...args], { encoding: 'utf8', timeout: 30_000 });
  }

  /** Runs our own client, see there. It already has an address, and a route to all hosts. */
  crafted(client: Crafted): ChildProcess {
    spawnSync('ip', ['-n', this.machine, 'route', 'add', 'default', 'dev', 'eth0']);
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', craftedClient, JSON.stringify(client)];
    return spawn('ip', ['netns', 'exec', this.machine, ...node], { stdio: ['ignore', 'inherit', 'inherit'] });
  }

  close(): void {
    for (const namespace of [this.server, this.machine]) spawnSync('ip', ['netns', 'delete', namespace]);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const udhcpcScript = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr flush dev "$interface"
ip addr add "$ip/$mask" dev "$interface"
for name in ip boot_file siaddr hostname router lease dns domain mtu ntpsrv staticroutes bootfile; do
  eval "value=\\$$name"
  [ -n "$value" ] && echo "$name=$value"
done
exit 0
`;

function run(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}
