/** The distribution's `openstack` client, loaded once for many commands: see prepared-openstack.py. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const python = '/usr/bin/python3';

/** With the environment of `withPreparedOpenstack` it is the client. */
export const preparedProgram = fileURLToPath(new URL('prepared-openstack.py', import.meta.url));

/** The socket of the process that has loaded it. */
export const preparedVariable = 'PREPARED_OPENSTACK';

/** Runs `work` with the environment of the prepared client: none where the client is not installed. */
export async function withPreparedOpenstack<R>(work: (env: Record<string, string>) => Promise<R>): Promise<R> {
  if (spawnSync(python, ['-c', 'import openstackclient']).status !== 0) return await work({});
  const folder = await mkdtemp(join(tmpdir(), 'ingot-openstack-'));
  const socket = join(folder, 'socket');
  const child = spawn(python, ['-W', 'ignore', preparedProgram, '--serve', socket], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  try {
    const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended]);
    if (line !== 'ready') throw new Error(`the openstack client could not be loaded: ${line}`);
    return await work({ [preparedVariable]: socket });
  } finally {
    child.stdin.end();
    await ended;
    await rm(folder, { recursive: true });
  }
}
