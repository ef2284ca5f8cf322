/** An Ingot that is restarted whenever it dies, as by a service manager. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { IngotProcess } from '#lab/start-ingot.ts';
import type { SettingName } from '#settings.ts';
import { momentsFile } from './crash-moments.ts';

export type RestartingOptions = {
  readonly namespace: string;
  readonly stateDir: string;
  readonly settings: Partial<Record<SettingName, string>>;
  /** Kinds of operations around whose steps it kills itself; see crash-serve.ts. */
  readonly crashKinds?: readonly string[];
};

const crashProgram = fileURLToPath(new URL('./crash-serve.ts', import.meta.url));

const staleConnectionMs = 100;

export class RestartingIngot {
  readonly #ingot: IngotProcess;
  readonly #stateDir: string;
  #deaths = 0;
  #up = Promise.withResolvers<number>();
  #stopping = false;
  #running: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor({ namespace, stateDir, settings, crashKinds = [] }: RestartingOptions) {
    this.#stateDir = stateDir;
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', crashProgram];
    const variables = [`CRASH_KINDS=${crashKinds.join(',')}`, `NODE_COMPILE_CACHE=${join(stateDir, 'compile-cache')}`];
    const command = ['env', ...variables, ...node];
    this.#ingot = new IngotProcess({ namespace, stateDir, settings, command });
  }

  get url(): string {
    return this.#ingot.url;
  }

  get pid(): number | undefined {
    return this.#ingot.pid;
  }

  get deaths(): number {
    return this.#deaths;
  }

  /** The moments at which it was killed, in order. */
  get moments(): string[] {
    try {
      return readFileSync(join(this.#stateDir, momentsFile), 'utf8').trim().split('\n');
    } catch {
      return [];
    }
  }

  async start(): Promise<void> {
    this.#running = this.#keepUp();
    this.#running.catch((error: Error) => this.#up.reject(error));
    await this.#up.promise;
  }

  /** SIGKILL from outside, at any moment. Resolves when it is up again. */
  async kill(): Promise<void> {
    const before = await this.#up.promise;
    const { pid } = this;
    if (pid) process.kill(pid, 'SIGKILL');
    await this.#nextLife(before);
  }

  /** No more restarts: stops it orderly. */
  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    this.#stopping = true;
    await this.#up.promise.catch(() => {});
    await this.#ingot.stop();
    await this.#running?.catch(() => {});
  }

  /** Retries a request across restarts. Only for idempotent requests. */
  async ask<T>(request: () => Promise<T>): Promise<T> {
    for (;;) {
      const life = await this.#up.promise;
      try {
        return await request();
      } catch (error) {
        if (!isLostConnection(error)) throw error;
        // It died, or fetch reused a connection to a previous process.
        await Promise.race([this.#nextLife(life), pause(staleConnectionMs)]);
      }
    }
  }

  async #keepUp(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#ingot.start();
        this.#up.resolve(this.#deaths);
        await this.#ingot.untilEnded();
      } catch (error) {
        // Killed during its start; any other exit is a failure of its own.
        if (!/ended with null/.test((error as Error).message)) throw error;
      }
      this.#deaths += 1;
      if (await isSettled(this.#up.promise)) this.#up = Promise.withResolvers<number>();
      this.#up.promise.catch(() => {});
    }
  }

  async #nextLife(before: number): Promise<void> {
    while ((await this.#up.promise) === before) await this.#ingot.untilEnded();
  }
}

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise, pending])) !== pending;
}

/** Node's fetch throws TypeError when there is no response, or the response is truncated. */
function isLostConnection(error: unknown): boolean {
  return error instanceof TypeError;
}
