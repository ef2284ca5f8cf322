/**
 * Runs an external program (qemu-img, mke2fs) to completion. `setpriv` asks the kernel to kill the child when its parent dies, so
 * that after SIGKILL no old writer competes with the retried step; what a sandbox lets slip, `left-behind.ts` ends.
 */
import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Fault } from '#domain/faults.ts';
import { type Capability, onlyCapabilities } from '#domain/privileges.ts';

export type ToolOptions = {
  /** The program's name in faults; default: its command. */
  name?: string;
  /** Kills the program; the call then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Added to the environment. */
  env?: Readonly<Record<string, string>>;
  /** Standard input; default: empty. */
  input?: string;
  /** The capabilities that it keeps of ours; default: none. */
  capabilities?: readonly Capability[];
  /** For programs that start others, such as a site's own scripts: `signal` kills the whole process group. */
  group?: boolean;
  /** Called with each chunk of standard output. */
  onOutput?: (text: string) => void;
  /** How many of the last characters of standard output are returned; default: 1 Mi. */
  outputMax?: number;
};

/** More than any report that we request from a tool; parsed in about 10 ms. */
const usualOutputMax = 1024 * 1024;
const errorMax = 4096;

/**
 * @returns standard output. Throws `toolFailed` with the end of standard error if the exit status (its field `status`)
 * is not 0.
 */
export function runTool(tool: string, args: readonly string[], options: ToolOptions = {}): Promise<string> {
  const name = options.name ?? tool;
  options.signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const [starter, all] = withParentDeathSignal(tool, args, options.capabilities);
  // LC_ALL: messages are matched and shown in one language.
  const child = spawn(starter, all, {
    stdio: 'pipe',
    env: { ...withoutOurSettings(process.env), LC_ALL: 'C.UTF-8', ...options.env },
    ...(options.group ? { detached: true } : options.signal && { signal: options.signal, killSignal: 'SIGKILL' }),
  });
  const killGroup = () => killGroupOf(child.pid);
  if (options.group) options.signal?.addEventListener('abort', killGroup, { once: true });
  // It may end without reading: its exit status tells why.
  child.stdin.on('error', () => {}).end(options.input);
  const output = new LastCharacters(options.outputMax ?? usualOutputMax);
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.add(text);
    options.onOutput?.(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-errorMax);
  });
  child.on('error', (error) => {
    if (!options.signal?.aborted) reject(new Fault('toolFailed', { tool: name, detail: error.message }, error));
  });
  // `close`, not `exit`: only then is all output read.
  child.on('close', (status, signalName) => {
    options.signal?.removeEventListener('abort', killGroup);
    if (options.signal?.aborted) return reject(options.signal.reason);
    if (status === 0) return resolve(output.toString());
    const detail = errors.trim() || (signalName ? `ended by ${signalName}` : `exit status ${status}`);
    reject(new Fault('toolFailed', { tool: name, detail, ...(status !== null && { status }) }));
  });
  return promise;
}

/** Keeps the end of a chunked text and joins it once: joining at each chunk would copy the whole text each time. */
class LastCharacters {
  readonly #max: number;
  #pieces: string[] = [];
  #length = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(piece: string): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#length <= 2 * this.#max) return;
    this.#pieces = [this.toString()];
    this.#length = this.#pieces[0]?.length ?? 0;
  }

  toString(): string {
    return this.#pieces.join('').slice(Math.max(0, this.#length - this.#max));
  }
}

/** Our settings contain passwords, which programs that we run must not see. */
export function withoutOurSettings(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('INGOT_')));
}

export function killGroupOf(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // All of them have just exited.
  }
}

export function withParentDeathSignal(
  tool: string,
  args: readonly string[],
  capabilities: readonly Capability[] = [],
): [string, readonly string[]] {
  if (process.platform !== 'linux') return [tool, args];
  // Without those that Ingot has for dnsmasq and routers. Root keeps its own.
  const rights = process.getuid?.() === 0 ? [] : onlyCapabilities(capabilities);
  return ['setpriv', ['--pdeathsig', 'KILL', ...rights, '--', tool, ...args]];
}

/** Whether a program is on PATH. */
export async function isInstalled(tool: string): Promise<boolean> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const found = await access(join(folder, tool), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
