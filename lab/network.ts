/**
 * The lab's network: its own namespace with the provisioning bridge, a tap per NIC and the BMCs' addresses. All of it
 * vanishes with the namespace.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { pause } from '#async/timers.ts';
import { bmcNetwork, provisioningNetwork, type RackPlan } from './rack-plan.ts';

const run = promisify(execFile);
const namespaceFolder = '/run/netns';

export function namespaceFile(namespace: string): string {
  return `${namespaceFolder}/${namespace}`;
}

/** The command line that runs `command` inside the namespace. Unlike `ip netns exec` it keeps the outer mounts. */
export function insideNamespace(namespace: string, command: readonly string[]): [string, ...string[]] {
  return ['nsenter', `--net=${namespaceFile(namespace)}`, '--', ...command];
}

/** Creates what is missing; existing parts stay. */
export async function raiseNetwork(plan: RackPlan): Promise<void> {
  if (!existsSync('/dev/net/tun')) await makeTunDevice();
  if (!existsSync(namespaceFile(plan.namespace))) await run('ip', ['netns', 'add', plan.namespace]);
  const [program, ...args] = insideNamespace(plan.namespace, ['ip', '-j', 'link', 'show']);
  const { stdout } = await run(program, args);
  const links = (JSON.parse(stdout) as { ifname: string }[]).map(({ ifname }) => ifname);
  await runBatch(plan.namespace, networkCommands(plan, { existing: links, ipv6: hasIpv6() }));
}

/** Settings that only a process inside the namespace can change. */
export function tuneNetwork(): void {
  if (!hasIpv6()) return;
  // Duplicate address detection would silence the router for the first second of each boot.
  for (const setting of ['accept_dad', 'autoconf', 'accept_ra']) {
    writeFileSync(`/proc/sys/net/ipv6/conf/${provisioningNetwork.interface}/${setting}`, '0');
  }
}

export function hasIpv6(): boolean {
  return existsSync('/proc/sys/net/ipv6');
}

/** Lines for `ip -batch`. `existing` names the links that already exist. */
export function networkCommands(plan: RackPlan, host: { existing: readonly string[]; ipv6: boolean }): string[] {
  const { interface: bridge, address, prefix, ipv6 } = provisioningNetwork;
  const missing = (link: string, commands: string[]) => (host.existing.includes(link) ? [] : commands);
  return [
    'link set lo up',
    ...missing(bridge, [
      // A fixed MAC address: without one a bridge takes that of a port, and changes it with its ports.
      `link add ${bridge} address 52:54:00:1a:ff:fe type bridge forward_delay 0 stp_state 0 mcast_snooping 0`,
      `addr add ${address}/${prefix} dev ${bridge}`,
      ...(host.ipv6 ? [`addr add ${ipv6}/64 dev ${bridge} nodad`] : []),
      `link set ${bridge} up`,
    ]),
    ...missing(bmcNetwork.interface, [`link add ${bmcNetwork.interface} type bridge`, `link set ${bmcNetwork.interface} up`]),
    ...plan.machines.flatMap(({ nics, bmcAddress }) => [
      `addr replace ${bmcAddress}/${bmcNetwork.prefix} dev ${bmcNetwork.interface}`,
      ...nics.flatMap(({ tap }) =>
        missing(tap, [`tuntap add dev ${tap} mode tap`, `link set ${tap} master ${bridge}`, `link set ${tap} up`]),
      ),
    ]),
  ];
}

async function runBatch(namespace: string, commands: readonly string[]): Promise<void> {
  const [program, ...args] = insideNamespace(namespace, ['ip', '-batch', '-']);
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  child.stdin.end(`${commands.join('\n')}\n`);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the lab's network could not be made: ${complaint.trim()}`);
}

async function makeTunDevice(): Promise<void> {
  mkdirSync('/dev/net', { recursive: true });
  await run('mknod', ['-m', '0600', '/dev/net/tun', 'c', '10', '200']);
}

const politeness = 5000;

/** Ends every process in the namespace and removes it. No error when there is none. */
export async function lowerNetwork(namespace: string): Promise<void> {
  if (!existsSync(namespaceFile(namespace))) return;
  await endProcesses(namespace, 'SIGTERM', politeness);
  await endProcesses(namespace, 'SIGKILL', politeness);
  await removeNamespace(namespace);
}

/** Removes only the name: the namespace itself lives until its last process exits. */
export async function removeNamespace(namespace: string): Promise<void> {
  if (existsSync(namespaceFile(namespace))) await run('ip', ['netns', 'del', namespace]);
  // `ip netns add` bind-mounts the folder onto itself when it creates the first namespace, and never undoes that.
  if (readdirSync(namespaceFolder).length === 0) await run('umount', [namespaceFolder]).catch(() => {});
}

/** Ids of the processes inside, except this one; they belong to the lab by definition. */
export function processesIn(namespace: string): number[] {
  const inode = statSync(namespaceFile(namespace), { throwIfNoEntry: false })?.ino;
  if (inode === undefined) return [];
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return pids
    .filter((pid) => networkOf(pid) === `net:[${inode}]`)
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

function networkOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

/**
 * Other processes' children do not notify us when they exit: they are polled until `maxWait` (milliseconds) have passed.
 */
async function endProcesses(namespace: string, signal: NodeJS.Signals, maxWait: number): Promise<void> {
  const deadline = performance.now() + maxWait;
  for (const pid of processesIn(namespace)) sendSignal(pid, signal);
  while (processesIn(namespace).length > 0 && performance.now() < deadline) await pause(25);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has exited meanwhile.
  }
}
