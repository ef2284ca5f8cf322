/**
 * Ingot beside a lab rack: its provisioning side runs inside the namespace, its API on the host's 127.0.0.1. A socket
 * belongs to the namespace it was opened in, so the API's is opened here, outside, and inherited.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, createWriteStream, mkdirSync } from 'node:fs';
import type { AddressInfo, Server } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Account, asAccount } from '#domain/privileges.ts';
import { type SettingName, variableOf } from '#settings.ts';
import { openApiPort } from './api-port.ts';
import { insideNamespace } from './network.ts';
import { provisioningNetwork } from './rack-plan.ts';

export type IngotOptions = {
  readonly namespace: string;
  readonly stateDir: string;
  /** Port on 127.0.0.1; default any free one, the same for all restarts. */
  readonly port?: number;
  /** Added to those for the lab's network, or overriding them. */
  readonly settings?: Partial<Record<SettingName, string>>;
  /** User that it runs as; default root. That user becomes the owner of the state folder. */
  readonly account?: Account | undefined;
  /** Command in place of `ingot serve`; it must serve descriptor 3 and print `Ingot serves …` when it does. */
  readonly command?: readonly string[];
};

/** Timeout of the first output, and of an orderly shutdown (milliseconds). */
const startMaxWait = 60_000;
const stopTimeout = 20_000;
/** Descriptor at which the API's socket is inherited. */
export const apiDescriptor = 3;

export class IngotProcess {
  readonly #options: IngotOptions;
  #port: number;
  #child: ChildProcess | undefined;

  constructor(options: IngotOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Output of Ingot, over all restarts. */
  get logFile(): string {
    return join(this.#options.stateDir, 'ingot.log');
  }

  /** Throws when it exits, or times out, before it serves. */
  async start(): Promise<void> {
    if (this.#child) throw new Error('Ingot runs already');
    const listener = await openApiPort(this.#port);
    this.#port = (listener.address() as AddressInfo).port;
    this.#child = this.#launch(listener);
    // This process only opened it; from here on only the child accepts.
    listener.close();
    await this.#untilServing(this.#child);
  }

  /** Orderly shutdown: SIGTERM. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** SIGKILL, as in a crash. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Resolves when the process has exited for any reason. */
  async untilEnded(): Promise<void> {
    if (this.#child) await once(this.#child, 'close');
  }

  /** Starts again on the same port, after an orderly stop if it still runs. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  #launch(listener: Server): ChildProcess {
    const { namespace, stateDir, command = serveCommand, account } = this.#options;
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    if (account) chownSync(stateDir, account.uid, account.gid);
    const [program, ...args] = ingotCommand(namespace, account ? [...asUser(account), ...command] : command);
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe', descriptorOf(listener)],
      env: {
        ...process.env,
        ...ingotEnvironment({ stateDir, url: this.url, descriptor: apiDescriptor }, this.#options.settings),
      },
    });
    const log = createWriteStream(this.logFile, { flags: 'a' });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    child.once('close', () => {
      log.end();
      if (this.#child === child) this.#child = undefined;
    });
    return child;
  }

  async #untilServing(child: ChildProcess): Promise<void> {
    const signal = AbortSignal.timeout(startMaxWait);
    const ended = once(child, 'close', { signal }).then(([code]) => `it ended with ${code}`);
    const lines = createInterface({ input: child.stdout as Readable });
    lines.on('error', () => {});
    const serving = new Promise<undefined>((resolve) => {
      lines.on('line', (line) => line.startsWith('Ingot serves') && resolve(undefined));
    });
    const failure = await Promise.race([ended, serving]).catch(() => `it did not serve within ${startMaxWait / 1000} s`);
    ended.catch(() => {});
    if (!failure) return;
    await this.kill();
    throw new Error(`Ingot did not start: ${failure}; ${this.logFile} says why`);
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const closed = once(child, 'close');
    child.kill(signal);
    const killTimer = setTimeout(() => child.kill('SIGKILL'), stopTimeout);
    await closed;
    clearTimeout(killTimer);
  }
}

/** Node exposes the descriptor of a listening socket only through an internal handle. */
function descriptorOf(server: Server): number {
  return (server as unknown as { _handle: { fd: number } })._handle.fd;
}

const serveCommand = [fileURLToPath(new URL('../bin/ingot', import.meta.url)), 'serve'];

/** The command line that starts Ingot, or `command` in its place, inside the namespace; it exits with us. */
export function ingotCommand(namespace: string, command: readonly string[] = serveCommand): [string, ...string[]] {
  return ['setpriv', '--pdeathsig', 'TERM', ...insideNamespace(namespace, command)];
}

/** With the capabilities that dnsmasq needs. A change of user clears the parent-death signal. */
function asUser(account: Account): string[] {
  return ['setpriv', ...asAccount(account, ['net_bind_service', 'net_raw', 'net_admin']), '--pdeathsig', 'TERM', '--'];
}

/** A user without a passwd entry or other files, so that Ingot need not run as root. */
export const labAccount: Account = { uid: 64_030, gid: 64_030 };

/** Whether that user can read this checkout; if it is below a private home folder, Ingot runs as root. */
export function canServe(account: Account): boolean {
  const words = asAccount(account, []);
  return spawnSync('setpriv', [...words, 'test', '-r', serveCommand[0] ?? ''], { stdio: 'ignore' }).status === 0;
}

type Place = { readonly stateDir: string; readonly url: string; readonly descriptor: number };

/** Environment variables of the settings for the lab's network, overridden by `others`. */
export function ingotEnvironment(
  { stateDir, url, descriptor }: Place,
  others: Partial<Record<SettingName, string>> = {},
): Record<string, string> {
  const settings: Partial<Record<SettingName, string>> = {
    state_dir: resolve(stateDir),
    'api.listen': `fd:${descriptor}`,
    'api.public_url': url,
    'provisioning.address': provisioningNetwork.address,
    'provisioning.interface': provisioningNetwork.interface,
    'provisioning.cidr': provisioningNetwork.cidr,
    'provisioning.pool': provisioningNetwork.pool,
    // The rack writes its consoles in its own state folder.
    'console.folders': '/',
    ...others,
  };
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [variableOf(name), value]));
}

export async function startIngot(options: IngotOptions): Promise<IngotProcess> {
  const ingot = new IngotProcess(options);
  await ingot.start();
  return ingot;
}
