/** Another Ironic, without authentication, that gets the same requests in the same run. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isIP } from 'node:net';
import { Target } from './target.ts';

/** @param env `INGOT_PEER_URL`, and `INGOT_PEER_PIDS` for processes that do not listen there, such as its database. */
export function peerFrom(env: NodeJS.ProcessEnv): Target | undefined {
  const text = env['INGOT_PEER_URL'];
  if (text === undefined) return undefined;
  const url = new URL(text);
  const named = (env['INGOT_PEER_PIDS'] ?? '').split(',').filter(Boolean).map(Number);
  const pids = isThisHost(url.hostname) ? [...new Set([...named, ...listenersOf(Number(url.port || 80))])] : [];
  return new Target({ name: 'peer', url: text.replace(/\/(v1\/?)?$/, ''), pids });
}

function isThisHost(host: string): boolean {
  const address = host.replace(/^\[|\]$/g, '');
  return address === 'localhost' || address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

/** Processes that have the listening socket of a TCP port open: a server and its workers. */
export function listenersOf(port: number): number[] {
  const inodes = new Set(['tcp', 'tcp6'].flatMap((table) => listeningInodes(readFileSync(`/proc/net/${table}`, 'utf8'), port)));
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => socketsOf(pid).some((inode) => inodes.has(inode)));
}

/** @param table text of /proc/net/tcp */
function listeningInodes(table: string, port: number): string[] {
  const listening = '0A';
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => state === listening && Number.parseInt(local.split(':')[1] ?? '', 16) === port)
    .map((fields) => fields[9] ?? '');
}

/** None for a process that has ended or belongs to another user. */
function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1] ?? []);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
