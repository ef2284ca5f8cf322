/** The distribution's `openstack` client, loaded once for many commands: see prepared-openstack.py. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Called by any other name than its own, with `env`, it is the client. */
export const preparedProgram = fileURLToPath(new URL('prepared-openstack.py', import.meta.url));

export type PreparedOpenstack = { readonly env: { readonly PREPARED_OPENSTACK: string }; close(): Promise<void> };

/** @param folder for its socket */
export async function prepareOpenstack(folder: string): Promise<PreparedOpenstack> {
  const socket = join(folder, 'openstack.socket');
  const child = spawn('/usr/bin/python3', ['-W', 'ignore', preparedProgram, '--serve', socket], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended]);
  if (line !== 'ready') throw new Error(`the openstack client could not be loaded: ${line}`);
  return {
    env: { PREPARED_OPENSTACK: socket },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
