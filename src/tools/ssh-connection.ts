/**
 * One connection per host, shared by all commands: OpenSSH's client as master (`ControlMaster`), opened by the first
 * command and closed after an idle timeout. It ends with Ingot. Options: ssh_config(5) of OpenSSH 9.2.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { raceAbort } from '#async/abort.ts';
import { Semaphore } from '#async/semaphore.ts';
import { withParentDeathSignal } from './run-tool.ts';
import { readSshFailure, SshError } from './ssh-error.ts';
import { type SshFiles, type SshTarget, writeSshFiles } from './ssh-files.ts';

export type SshAnswer = { readonly status: number; readonly output: string; readonly errors: string };
export type SshTimes = { readonly connectMs: number; readonly commandMs: number; readonly idleMs: number };

const outputMax = 16 * 1024 * 1024;
const errorsMax = 64 * 1024;
const endMs = 2000;

/** OpenSSH's own exit status; any other is the command's. */
const sshStatus = 255;
/** Printed by the client after its ProxyCommand, `false`, has exited. */
const withoutMaster = /^Connection closed by UNKNOWN/m;
/** `setpriv` did not find the program. */
const notFoundStatus = 127;

/** sshd's default MaxSessions is 10. */
export const commandsAtOnce = 8;

type Master = { readonly child: ChildProcess; readonly files: SshFiles; readonly ended: Promise<void> };

export class SshConnection {
  readonly #directory: string;
  readonly #target: SshTarget;
  readonly #times: SshTimes;
  readonly #slots = new Semaphore(commandsAtOnce);
  readonly #closing = new AbortController();
  #master: Promise<Master> | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(directory: string, target: SshTarget, times: SshTimes) {
    this.#directory = directory;
    this.#target = target;
    this.#times = times;
  }

  /**
   * Runs one command line in the user's login shell on the host.
   * @throws SshError if it did not run or did not end; the command's own errors are part of the answer
   */
  async run(command: string, signal?: AbortSignal): Promise<SshAnswer> {
    const startedAt = performance.now();
    const ends = [this.#closing.signal, AbortSignal.timeout(this.#times.commandMs), ...(signal ? [signal] : [])];
    const end = AbortSignal.any(ends);
    try {
      return await this.#slots.run(() => this.#runNow(command, end), end);
    } catch (error) {
      signal?.throwIfAborted();
      if (this.#closing.signal.aborted) throw this.#closing.signal.reason;
      const seconds = (performance.now() - startedAt) / 1000;
      if (end.aborted) throw new SshError('slow', 'no answer', seconds);
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.#master !== undefined;
  }

  async close(): Promise<void> {
    this.#closing.abort(new SshError('closed', 'Ingot is stopping'));
    await this.#shut(this.#master);
  }

  async #runNow(command: string, end: AbortSignal): Promise<SshAnswer> {
    clearTimeout(this.#idle);
    const opening = this.#open();
    try {
      // The connection is shared: an aborted caller does not close it.
      const { files } = await raceAbort(opening, end);
      const answer = await runClient(this.#target, files.socket, { command, signal: end });
      if (answer.status !== sshStatus) return answer;
      // The socket has no listener any more, although the master may still run.
      if (withoutMaster.test(answer.errors)) void this.#shut(opening);
      throw readSshFailure(answer.errors, 0);
    } finally {
      this.#rest();
    }
  }

  #rest(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.#shut(this.#master), this.#times.idleMs).unref();
  }

  #open(): Promise<Master> {
    this.#closing.signal.throwIfAborted();
    if (this.#master) return this.#master;
    const opening = startMaster(this.#directory, this.#target, this.#times.connectMs);
    this.#master = opening;
    const forget = () => {
      if (this.#master === opening) this.#master = undefined;
    };
    opening.then((master) => master.ended.then(forget), forget);
    return opening;
  }

  async #shut(opening: Promise<Master> | undefined): Promise<void> {
    clearTimeout(this.#idle);
    if (this.#master === opening) this.#master = undefined;
    const master = await opening?.catch(() => undefined);
    if (!master) return;
    master.child.kill('SIGTERM');
    const timer = setTimeout(() => master.child.kill('SIGKILL'), endMs);
    await master.ended;
    clearTimeout(timer);
  }
}

function commonArguments({ host, port, user }: SshTarget, options: readonly string[]): string[] {
  // Ignores the ssh settings and agent of the user who runs Ingot.
  return ['-F', '/dev/null', '-T', '-x', '-a', ...options, '-l', user, '-p', String(port), '--', host];
}

function masterArguments(target: SshTarget, files: SshFiles, connectMs: number): string[] {
  const authentication = [
    ...(target.key ? ['publickey'] : []),
    ...(target.password === undefined ? [] : ['password', 'keyboard-interactive']),
  ];
  const options = {
    BatchMode: target.password === undefined ? 'yes' : 'no',
    CheckHostIP: 'no',
    ClearAllForwardings: 'yes',
    ConnectTimeout: String(Math.ceil(connectMs / 1000)),
    ControlMaster: 'yes',
    ControlPath: files.socket,
    ControlPersist: 'no',
    GlobalKnownHostsFile: '/dev/null',
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    // The client prints this after it has started to listen on the socket.
    LocalCommand: 'echo ready',
    // Logs the host's key.
    LogLevel: 'DEBUG1',
    NumberOfPasswordPrompts: '1',
    PermitLocalCommand: 'yes',
    PreferredAuthentications: authentication.join(','),
    ServerAliveCountMax: '3',
    ServerAliveInterval: '15',
    StrictHostKeyChecking: 'yes',
    UpdateHostKeys: 'no',
  };
  const named = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return commonArguments(target, ['-N', ...named, ...files.options]);
}

async function startMaster(directory: string, target: SshTarget, connectMs: number): Promise<Master> {
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const files = await writeSshFiles(directory, target);
  const child = start(masterArguments(target, files, connectMs), files.env);
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (errors.length < errorsMax) errors += text;
  });
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  child.stdout?.once('data', () => resolve());
  child.on('error', (error) => reject(new SshError('unusable', error.message)));
  const ended = new Promise<void>((done) =>
    child.once('close', (status) => {
      reject(
        status === notFoundStatus
          ? new SshError('unusable', 'the program ssh is not installed')
          : readSshFailure(errors, seconds()),
      );
      void files.remove().then(done);
    }),
  );
  const timer = setTimeout(() => {
    reject(new SshError('unreachable', 'no answer', seconds()));
    child.kill('SIGKILL');
  }, connectMs);
  try {
    await ready;
    return { child, files, ended };
  } catch (error) {
    await ended;
    throw error;
  } finally {
    clearTimeout(timer);
    await files.dropSecrets();
  }
}

/** A client of the master. It never opens its own connection: without a master it runs the ProxyCommand `false`. */
function runClient(
  target: SshTarget,
  socket: string,
  { command, signal }: { command: string; signal: AbortSignal },
): Promise<SshAnswer> {
  const options = { BatchMode: 'yes', ControlMaster: 'no', ControlPath: socket, LogLevel: 'ERROR', ProxyCommand: 'false' };
  const named = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const child = start([...commonArguments(target, named), command], {}, signal);
  const { promise, resolve, reject } = Promise.withResolvers<SshAnswer>();
  let [output, errors] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-outputMax);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-errorsMax);
  });
  child.on('error', (error) => reject(signal.aborted ? signal.reason : new SshError('unusable', error.message)));
  child.once('close', (status) => resolve({ status: status ?? sshStatus, output, errors }));
  return promise;
}

function start(args: readonly string[], env: Readonly<Record<string, string>>, signal?: AbortSignal): ChildProcess {
  const [program, all] = withParentDeathSignal('ssh', args);
  const { PATH } = process.env;
  return spawn(program, all, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...(PATH !== undefined && { PATH }), LC_ALL: 'C.UTF-8', SHELL: '/bin/sh', SSH_ASKPASS_REQUIRE: 'force', ...env },
    ...(signal && { signal, killSignal: 'SIGKILL' }),
  });
}
