/** A pool of SSH connections: one per host, user and secret. */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { type SshAnswer, SshConnection, type SshTimes } from './ssh-connection.ts';
import { SshError } from './ssh-error.ts';
import type { SshTarget } from './ssh-files.ts';

const keptMax = 100;
const usualTimes: SshTimes = { connectMs: 20_000, commandMs: 60_000, idleMs: 300_000 };

export class SshPool {
  readonly #directory: string;
  readonly #times: SshTimes;
  readonly #connections = new Map<string, SshConnection>();
  #isClosed = false;

  /** @param directory of the sockets, private to this user; created if missing */
  constructor(directory: string, times: Partial<SshTimes> = {}) {
    this.#directory = directory;
    this.#times = { ...usualTimes, ...times };
  }

  run(target: SshTarget, command: string, signal?: AbortSignal): Promise<SshAnswer> {
    if (this.#isClosed) throw new SshError('closed', 'Ingot is stopping');
    const key = keyOf(target);
    let connection = this.#connections.get(key);
    if (!connection) {
      this.#forgetIdle();
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      connection = new SshConnection(this.#directory, target, this.#times);
      this.#connections.set(key, connection);
    }
    return connection.run(command, signal);
  }

  /** Removes closed connections, so that nothing is kept of hosts and secrets no longer in use. */
  #forgetIdle(): void {
    if (this.#connections.size < keptMax) return;
    for (const [key, connection] of this.#connections) if (!connection.isOpen) this.#connections.delete(key);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#connections.values()].map((connection) => connection.close()));
  }
}

/** Other secrets or host keys are another connection, so that a correction takes effect at once. */
export function keyOf(target: SshTarget): string {
  const { host, port, user, password, key, hostKeys, knownHosts } = target;
  return createHash('sha256')
    .update(JSON.stringify([host, port, user, password, key, hostKeys, knownHosts]))
    .digest('hex');
}
