/**
 * The network of a simulated rack: a namespace for Ingot with the provisioning bridge, and one for each machine with
 * its NIC. Machines have fixed addresses; DHCP is tested with real firmware.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { namespaceFile, processesIn, removeNamespace } from '#lab/network.ts';

const run = promisify(execFile);

export const serverAddress = '172.29.0.1';
export const provisioningCidr = '172.29.0.0/24';

/** MAC address of a machine's NIC, both enrolled and on the wire. */
export function macOfMachine(index: number): string {
  return `52:54:00:1c:00:${(index + 1).toString(16).padStart(2, '0')}`;
}

export type PrivateNetwork = {
  /** The namespace of Ingot and the BMCs. */
  readonly server: string;
  /** One for each machine. */
  readonly nodes: readonly string[];
  addressOf(index: number): string;
  /** The programs that run in any of the namespaces. */
  processes(): number[];
  close(): Promise<void>;
};

/** @param name of the rack; the process id separates two runs */
export async function layPrivateNetwork(name: string, machines: number): Promise<PrivateNetwork> {
  const server = `ingot-${name}-${process.pid}`;
  const nodes = Array.from({ length: machines }, (_, index) => `${server}-n${index + 1}`);
  const all = [server, ...nodes];
  const network: PrivateNetwork = {
    server,
    nodes,
    addressOf: (index) => `172.29.0.${index + 11}`,
    processes: () => all.flatMap(processesIn),
    async close() {
      await endAll(all);
      for (const namespace of all) await removeNamespace(namespace);
    },
  };
  try {
    for (const namespace of all) await run('ip', ['netns', 'add', namespace]);
    await batch(server, [
      'link set lo up',
      'link add prov0 address 52:54:00:1c:ff:fe type bridge forward_delay 0 stp_state 0 mcast_snooping 0',
      `addr add ${serverAddress}/24 dev prov0`,
      'link set prov0 up',
    ]);
    for (const [index, node] of nodes.entries()) {
      await batch(server, [
        `link add n${index + 1} type veth peer name nic0 address ${macOfMachine(index)} netns ${node}`,
        `link set n${index + 1} master prov0 up`,
      ]);
      await batch(node, ['link set lo up', `addr add ${network.addressOf(index)}/24 dev nic0`, 'link set nic0 up']);
    }
    return network;
  } catch (error) {
    await network.close();
    throw error;
  }
}

async function batch(namespace: string, commands: readonly string[]): Promise<void> {
  const child = spawn('ip', ['-n', namespace, '-batch', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  child.stdin.end(`${commands.join('\n')}\n`);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the network could not be laid: ${complaint.trim()}`);
}

const politeness = 5000;

/** Orphans of a killed parent do not notify this process when they exit, so they are polled. */
async function endAll(namespaces: readonly string[]): Promise<void> {
  const left = () => namespaces.flatMap(processesIn);
  for (const pid of left()) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has exited meanwhile.
    }
  }
  for (const end = performance.now() + politeness; left().length > 0 && performance.now() < end; ) await pause(20);
}

export { namespaceFile };
