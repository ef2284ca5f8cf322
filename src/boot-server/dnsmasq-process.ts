/** One dnsmasq as a child: started, watched, started again when it dies, and never left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Fault } from '#domain/faults.ts';
import { type Capability, capabilityBits, onlyCapabilities } from '#domain/privileges.ts';
import { withoutOurSettings } from '#tools/run-tool.ts';
import type { Log } from './parts.ts';

export type DnsmasqOptions = {
  /** For people: `DHCP`. */
  title: string;
  config: string;
  pid: string;
  /** What it needs of our rights. */
  capabilities: readonly Capability[];
  /** Log line that says that it serves. */
  ready: RegExp;
  log: Log;
  /** Before each start, also after a death: writes the files that it reads. */
  prepare(): Promise<void>;
  onLine(line: string): void;
  /** It died by itself and will be started again. */
  onDeath(message: string): void;
};

const startMs = 10_000;
const stopMs = 3_000;
const firstBackoffMs = 200;
const longestBackoffMs = 10_000;
/** It ran this long: its next death begins the backoff anew. */
const steadyMs = 60_000;

/**
 * Everything that dnsmasq, started by root, does not need is taken from it. `--pdeathsig` ends it with us, however we
 * end; that holds only while its user stays the same.
 */
const rootOnly = ['--bounding-set', '-all,+net_admin,+net_raw,+net_bind_service,+setuid,+setgid,+chown', '--no-new-privs'];

export class DnsmasqProcess {
  readonly #options: DnsmasqOptions;
  readonly #waiters = new Set<(line: string) => void>();
  #child: ChildProcess | undefined;
  /** The child once it serves: only the death of such a one is repaired. */
  #serving: ChildProcess | undefined;
  #lastLines: string[] = [];
  #stopping = false;
  #backoffMs = firstBackoffMs;
  #retry: AbortController | undefined;
  /** Settles when the present (re)start has. */
  #up: Promise<void> = Promise.resolve();

  constructor(options: DnsmasqOptions) {
    this.#options = options;
  }

  /** setpriv becomes dnsmasq: one process id. Undefined while it does not serve. */
  get pid(): number | undefined {
    return this.#serving?.pid;
  }

  /** Resolves when it serves. Throws `toolFailed` with what dnsmasq said. */
  start(): Promise<void> {
    this.#stopping = false;
    this.#up = this.#launch();
    return this.#up;
  }

  /** Stops it and starts it again; `untilUp` tells when it serves. */
  async restart(): Promise<void> {
    await this.stop();
    this.#stopping = false;
    this.#up = this.#launch().catch((error: Error) => this.#revive(error.message));
    this.#up.catch(() => {});
  }

  /** Resolves when it is up: at once, or after the restart that is under way. */
  untilUp(signal: AbortSignal): Promise<void> {
    return Promise.race([this.#up, aborted(signal)]);
  }

  /** @returns whether the line came; false when it did not within `ms`, or the process died */
  reload(confirmation: RegExp, ms: number): Promise<boolean> {
    const seen = this.expect(confirmation, ms);
    this.#child?.kill('SIGHUP');
    return seen;
  }

  /** @returns whether a line that matches comes within `ms` */
  expect(pattern: RegExp, ms: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const watch = (line: string) => pattern.test(line) && resolve(true);
    const child = this.#child;
    const gone = () => resolve(false);
    const timer = setTimeout(gone, ms);
    this.#waiters.add(watch);
    if (child) child.once('exit', gone).once('error', gone);
    else gone();
    return promise.finally(() => {
      clearTimeout(timer);
      this.#waiters.delete(watch);
      child?.off('exit', gone).off('error', gone);
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#retry?.abort();
    const child = this.#child;
    this.#child = this.#serving = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
    await ended;
    clearTimeout(timer);
  }

  async #launch(): Promise<void> {
    const { title, config, pid, ready, prepare, capabilities } = this.#options;
    await endLeftover(pid, config);
    await prepare();
    if (this.#stopping) return;
    this.#lastLines = [];
    const bounds = process.getuid?.() === 0 ? rootOnly : [...onlyCapabilities(await heldOf(capabilities)), '--no-new-privs'];
    const dnsmasq = ['dnsmasq', '--keep-in-foreground', '--log-facility=-', `--conf-file=${config}`];
    const child = spawn('setpriv', ['--pdeathsig', 'TERM', ...bounds, ...dnsmasq], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: withoutOurSettings(process.env),
    });
    this.#child = child;
    createInterface({ input: child.stderr }).on('line', (line) => this.#take(line));
    child.once('error', (error) => this.#take(error.message));
    // 'close', not 'exit': the reason of a failed start is in its last lines.
    child.once('close', (code, signal) => this.#ended(child, `${signal ?? `exit code ${code}`}`));
    const closed = once(child, 'close').then(
      () => false,
      () => false,
    );
    const isUp = await Promise.race([this.expect(ready, startMs), closed]);
    if (isUp) {
      this.#serving = child;
      return;
    }
    if (this.#child === child) this.#child = undefined;
    child.kill('SIGTERM');
    const detail = this.#lastLines.join('; ') || `not ready after ${startMs / 1000} s`;
    throw new Fault('toolFailed', { tool: `dnsmasq (${title})`, detail });
  }

  #take(line: string): void {
    this.#lastLines = [...this.#lastLines.slice(-2), line.replace(/^dnsmasq(-\w+)?\[\d+\]: /, '')];
    for (const waiter of [...this.#waiters]) waiter(line);
    this.#options.onLine(line);
  }

  /** A start that failed is told to its caller; the death of what was up is repaired here. */
  #ended(child: ChildProcess, how: string): void {
    if (this.#stopping || this.#serving !== child) return;
    this.#child = this.#serving = undefined;
    this.#up = this.#revive(how);
    this.#up.catch(() => {});
  }

  async #revive(how: string): Promise<void> {
    const { log, onDeath, title } = this.#options;
    const message = `dnsmasq (${title}) ended (${how}); it is started again`;
    log.error({ last: this.#lastLines }, message);
    onDeath(message);
    this.#retry = new AbortController();
    const { signal } = this.#retry;
    for (;;) {
      await pause(this.#backoffMs, undefined, { signal });
      this.#backoffMs = Math.min(this.#backoffMs * 2, longestBackoffMs);
      try {
        await this.#launch();
        break;
      } catch (error) {
        log.error({ err: error }, `dnsmasq (${title}) does not start; retrying`);
      }
    }
    const steady = setTimeout(() => {
      this.#backoffMs = firstBackoffMs;
    }, steadyMs);
    steady.unref();
    log.info(`dnsmasq (${title}) is up again`);
  }
}

/** Those that this process has itself: without them dnsmasq says what it cannot do. */
async function heldOf(capabilities: readonly Capability[]): Promise<Capability[]> {
  const held = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
  return capabilities.filter((name) => (held >> capabilityBits[name]) & 1n);
}

/** A dnsmasq of an earlier run, known by its pid file and our configuration in its arguments, is ended first. */
async function endLeftover(pidFile: string, config: string): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  const isOurs = async () => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(`--conf-file=${config}\0`);
  if (!(await isOurs())) return;
  process.kill(pid, 'SIGTERM');
  // It is nobody's child any more, so there is no event to wait for.
  for (let look = 0; look < 60 && (await isOurs()); look++) await pause(50);
  if (await isOurs()) process.kill(pid, 'SIGKILL');
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
