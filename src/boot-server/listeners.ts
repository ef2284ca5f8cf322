/** Opens listening sockets; a failure names the port, its purpose, and the process that has it. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import { type ListenOptions, Server } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Fault } from '#domain/faults.ts';

export type Place = { address: string; port: number; purpose: string; setting: string; addressSetting?: string };

/** @returns the port, chosen by the system if `place.port` is 0. Throws `cannotListen`. */
export async function openListener(listener: Server | FastifyInstance, place: Place): Promise<number> {
  const where = { host: place.address, port: place.port, exclusive: true };
  const server = listener instanceof Server ? listener : listener.server;
  try {
    await (listener instanceof Server ? listen(listener, where) : listener.listen(where));
  } catch (error) {
    throw await explain(error as NodeJS.ErrnoException, place);
  }
  return (server.address() as { port: number }).port;
}

async function listen(server: Server, where: ListenOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(where, resolve);
  await promise.finally(() => server.off('error', reject));
}

async function explain(
  error: NodeJS.ErrnoException,
  { address, port, purpose, setting, addressSetting = setting }: Place,
): Promise<Fault> {
  const fault = (detail: string, remedy: string) => new Fault('cannotListen', { address, port, purpose, detail, remedy }, error);
  if (error.code === 'EADDRINUSE') {
    const owner = await ownerOf(port);
    return fault(`the port is in use${owner ? ` by ${owner}` : ''}`, `Stop that program, or change the setting ${setting}.`);
  }
  if (error.code === 'EADDRNOTAVAIL')
    return fault(
      'no interface of this host has that address',
      `Bring the interface up, or correct the setting ${addressSetting}.`,
    );
  return fault(error.message, `Check the setting ${setting}.`);
}

/** `name (process 123)` of the process that listens on a TCP port, if /proc shows it. */
async function ownerOf(port: number): Promise<string | undefined> {
  const inodes = new Set((await Promise.all(['tcp', 'tcp6'].map((table) => listeningInodes(table, port)))).flat());
  if (inodes.size === 0) return undefined;
  const processes = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  for (const pid of processes) {
    if (!(await holdsOneOf(pid, inodes))) continue;
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'unknown');
    return `${name.trim()} (process ${pid})`;
  }
  return undefined;
}

/** proc(5): columns are slot, local address:port in hex, remote, state (0A = listening) … inode as the tenth. */
async function listeningInodes(table: string, port: number): Promise<string[]> {
  const text = await readFile(`/proc/net/${table}`, 'utf8').catch(() => '');
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(`:${wanted}`) && state === '0A')
    .flatMap((columns) => columns[9] ?? []);
}

async function holdsOneOf(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(descriptors.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return targets.some((target) => inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? ''));
}
