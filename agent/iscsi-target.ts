import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { iscsiLun } from '../agent-protocol/classic.ts';
import type { Log } from './log.ts';
import type { RunProgram } from './run-program.ts';

const targetId = '1';
const startMs = 10_000;
const pollEveryMs = 200;

export type Export = {
  iqn: string;
  device: string;
  port: number;
  account: { user: string; password: string };
  /** The only address that may log in. */
  initiator: string;
};

/** One disk exported over iSCSI by a separate `tgtd`. */
export class IscsiTarget {
  #daemon: ChildProcess;
  #run: RunProgram;
  #folder: string;

  private constructor(daemon: ChildProcess, run: RunProgram, folder: string) {
    this.#daemon = daemon;
    this.#run = run;
    this.#folder = folder;
  }

  /** Throws with the error output of tgtd or tgtadm. `signal` ends the daemon. */
  static async start(wanted: Export, parts: { run: RunProgram; log: Log; signal: AbortSignal }): Promise<IscsiTarget> {
    const folder = mkdtempSync(join(tmpdir(), 'ingot-tgt-'));
    // Besides its TCP port tgtd has a socket for tgtadm; a private one lets several run on a host.
    const env = { ...process.env, TGT_IPC_SOCKET: join(folder, 'ipc') };
    const daemon = spawn('tgtd', ['-f', '--iscsi', `portal=0.0.0.0:${wanted.port}`], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: parts.signal,
    });
    const gone = Promise.withResolvers<never>();
    gone.promise.catch(() => {});
    let words = '';
    for (const stream of [daemon.stdout, daemon.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        words = (words + text).slice(-500);
      });
    }
    daemon.on('error', (error) => gone.reject(new Error(`tgtd did not run: ${error.message}`)));
    daemon.on('exit', (code) => gone.reject(new Error(`tgtd ended with ${code}: ${words.trim()}`)));
    const run: RunProgram = (command, args, options) => parts.run(command, args, { ...options, env });
    const target = new IscsiTarget(daemon, run, folder);
    try {
      await Promise.race([gone.promise, target.#offer(wanted)]);
    } catch (error) {
      await target.stop();
      throw error;
    }
    daemon.removeAllListeners('exit').on('exit', () => {});
    return target;
  }

  async #offer({ iqn, device, account, initiator }: Export): Promise<void> {
    await this.#ready();
    const target = ['--mode', 'target', '--tid', targetId];
    const unit = ['--mode', 'logicalunit', '--tid', targetId, '--lun', `${iscsiLun}`];
    await this.#admin(['--op', 'new', ...target, '-T', iqn]);
    // Inside the ramdisk no other process sees our arguments, and the secret expires with this deployment.
    await this.#admin(['--op', 'new', '--mode', 'account', '--user', account.user, '--password', account.password]);
    await this.#admin(['--op', 'bind', '--mode', 'account', '--tid', targetId, '--user', account.user]);
    await this.#admin(['--op', 'new', ...unit, '-b', device]);
    // With it the unit takes UNMAP and WRITE SAME: holes of an image then cross the network as commands, not as zeros.
    await this.#admin(['--op', 'update', ...unit, '--params', 'thin_provisioning=1']);
    await this.#admin(['--op', 'bind', ...target, '-I', initiator]);
  }

  /** tgtd does not signal readiness, so poll until it responds. */
  async #ready(): Promise<void> {
    const deadline = performance.now() + startMs;
    for (;;) {
      const failure = await this.#admin(['--op', 'show', '--mode', 'sys']).then(
        () => undefined,
        (error: Error) => error,
      );
      if (!failure) return;
      if (performance.now() > deadline) throw failure;
      await pause(pollEveryMs / 4);
    }
  }

  #admin(args: readonly string[]): Promise<string> {
    return this.#run('tgtadm', ['--lld', 'iscsi', ...args], { timeoutMs: 10_000 });
  }

  /** Current sessions of initiators. tgtd sends no notification when they end, so they are polled. */
  async sessions(): Promise<number> {
    const text = await this.#admin(['--op', 'show', '--mode', 'target']);
    return text.match(/^\s+I_T nexus: \d+/gm)?.length ?? 0;
  }

  /** Waits until every initiator has logged out, at most `withinMs`. @returns whether all have */
  async drained(withinMs: number, signal: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + withinMs;
    while ((await this.sessions()) > 0) {
      if (performance.now() > deadline) return false;
      await pause(pollEveryMs, undefined, { signal });
    }
    return true;
  }

  /** Ends the export; tgtd flushes the initiators' writes when it closes the disk. */
  async stop(): Promise<void> {
    if (this.#daemon.exitCode === null && this.#daemon.signalCode === null && this.#daemon.pid) {
      await this.#admin(['--op', 'delete', '--force', '--mode', 'target', '--tid', targetId]).catch(() => {});
      // tgtd ignores SIGTERM while targets exist, and has no state to save here.
      this.#daemon.kill('SIGKILL');
      await once(this.#daemon, 'exit');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
