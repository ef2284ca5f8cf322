/** Supervises one dnsmasq child process: starts it, restarts it after a crash, and never leaves it behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { raceAbort } from '#async/abort.ts';
import { pause } from '#async/timers.ts';
import { Fault } from '#domain/faults.ts';
import { type Capability, capabilityBits, onlyCapabilities } from '#domain/privileges.ts';
import { withoutOurSettings } from '#tools/run-tool.ts';
import type { Log } from './parts.ts';

export type DnsmasqOptions = {
  /** Display name, such as `DHCP`. */
  title: string;
  config: string;
  pid: string;
  /** Capabilities it keeps of ours. */
  capabilities: readonly Capability[];
  /** Log line that signals readiness. */
  ready: RegExp;
  log: Log;
  /** Writes its files before each start, also after a crash. */
  prepare(): Promise<void>;
  onLine(line: string): void;
  /** It exited unexpectedly and will be restarted. */
  onDeath(message: string): void;
};

const startMs = 10_000;
const stopMs = 3_000;
const firstBackoffMs = 200;
const longestBackoffMs = 10_000;
/** After this uptime, the next crash resets the backoff. */
const steadyMs = 60_000;

/**
 * Drops every capability that a dnsmasq started by root does not need. `--pdeathsig` ends it when this process ends for
 * any reason; that works only while its user does not change.
 */
const rootOnly = ['--bounding-set', '-all,+net_admin,+net_raw,+net_bind_service,+setuid,+setgid,+chown', '--no-new-privs'];

export class DnsmasqProcess {
  readonly #options: DnsmasqOptions;
  readonly #waiters = new Set<(line: string) => void>();
  #child: ChildProcess | undefined;
  /** The child once it is ready: only a ready child is restarted after a crash. */
  #serving: ChildProcess | undefined;
  #lastLines: string[] = [];
  #stopping = false;
  #backoffMs = firstBackoffMs;
  #retry: AbortController | undefined;
  /** Settles with the current start or restart. */
  #up: Promise<void> = Promise.resolve();

  constructor(options: DnsmasqOptions) {
    this.#options = options;
  }

  /** setpriv execs dnsmasq, so the pid stays. Undefined while it is not ready. */
  get pid(): number | undefined {
    return this.#serving?.pid;
  }

  /** Resolves when it is ready. Throws `toolFailed` with dnsmasq's output. */
  start(): Promise<void> {
    this.#stopping = false;
    this.#up = this.#launch();
    return this.#up;
  }

  /** Stops and starts it; `untilUp` resolves when it is ready. */
  async restart(): Promise<void> {
    await this.stop();
    this.#stopping = false;
    this.#up = this.#launch().catch((error: Error) => this.#revive(error.message));
    this.#up.catch(() => {});
  }

  /** Resolves when it is ready: at once, or after the current restart. */
  untilUp(signal: AbortSignal): Promise<void> {
    return raceAbort(this.#up, signal);
  }

  /** @returns whether the line was logged; false if not within `ms`, or if the process exited */
  reload(confirmation: RegExp, ms: number): Promise<boolean> {
    const seen = this.expect(confirmation, ms);
    this.#child?.kill('SIGHUP');
    return seen;
  }

  /** @returns whether a matching line is logged within `ms` */
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
    // 'close', not 'exit': the last lines contain the reason of a failed start.
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

  /** A failed start is reported to its caller; a crash after that is handled by a restart. */
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
      await pause(this.#backoffMs, signal);
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

/** The capabilities that this process has; without them dnsmasq reports what it cannot do. */
async function heldOf(capabilities: readonly Capability[]): Promise<Capability[]> {
  const held = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
  return capabilities.filter((name) => (held >> capabilityBits[name]) & 1n);
}

/** First stops a dnsmasq of an earlier run, identified by its pid file and our configuration in its arguments. */
async function endLeftover(pidFile: string, config: string): Promise<void> {
  const pid = Number(await readFile(pidFile, 'utf8').catch(() => ''));
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  const isOurs = async () => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(`--conf-file=${config}\0`);
  if (!(await isOurs())) return;
  process.kill(pid, 'SIGTERM');
  // It is not our child, so there is no exit event to wait for.
  for (let poll = 0; poll < 60 && (await isOurs()); poll++) await pause(50);
  if (await isOurs()) process.kill(pid, 'SIGKILL');
}
