/**
 * A boot server in its own process, so that it can run in a network namespace and be killed. Run as a program this file
 * is that process: settings and state folder are arguments, calls and results use the IPC channel.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createBootServer } from '#boot-server/boot-server.ts';
import type { BootPlan } from '#drivers/interfaces.ts';
import type { MachineMessages, PortAddress } from '#engine/contract.ts';
import { readSettings } from '#settings.ts';
import { aRecordingEngine } from './a-recording-engine.ts';

export type MachineRequest = Parameters<MachineMessages['machineRequest']>[0];
type Call = 'start' | 'stop' | 'publish' | 'assign' | 'spend' | 'withdraw' | 'requests' | 'log';

export class BootServerProcess {
  readonly child: ChildProcess;
  readonly #replies = new Map<number, PromiseWithResolvers<unknown>>();
  #count = 0;

  constructor(namespace: string, flags: Readonly<Record<string, string>>) {
    const node = [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      fileURLToPath(import.meta.url),
      JSON.stringify(flags),
    ];
    this.child = spawn('ip', ['netns', 'exec', namespace, ...node], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child.on('message', ({ id, error, value }: { id: number; error?: string; value?: unknown }) => {
      if (error === undefined) this.#replies.get(id)?.resolve(value);
      else this.#replies.get(id)?.reject(new Error(error));
    });
    this.child.on('exit', () => {
      for (const reply of this.#replies.values()) reply.reject(new Error('the boot server process ended'));
    });
  }

  call(name: Call, argument?: unknown): Promise<unknown> {
    const id = this.#count++;
    const reply = Promise.withResolvers<unknown>();
    this.#replies.set(id, reply);
    this.child.send({ id, name, argument });
    return reply.promise;
  }

  publish(plan: BootPlan): Promise<unknown> {
    return this.call('publish', plan);
  }

  async requests(): Promise<MachineRequest[]> {
    return (await this.call('requests')) as MachineRequest[];
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
  }
}

function serve(flags: Readonly<Record<string, string>>): void {
  const settings = readSettings({ flags });
  const engine = aRecordingEngine();
  const lines: string[] = [];
  const write = (...args: unknown[]) => {
    const words = args.map((arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg)));
    lines.push(`${new Date().toISOString()} ${words.join(' ')}`);
  };
  const log = { debug: write, info: write, warn: write, error: write } as never;
  const images = {
    disk: () => Promise.reject(new Error('no images here')),
    extents: () => Promise.reject(new Error('no images here')),
  };
  const server = createBootServer({ settings, images, log, stateDir: settings.state_dir });
  const calls: Readonly<Record<Call, (argument: never) => unknown>> = {
    start: () => server.start(engine),
    stop: () => server.stop(),
    publish: (plan: BootPlan) => server.publish(plan),
    assign: (ports: readonly PortAddress[]) => server.assign(ports),
    spend: (uuid: string) => server.spend(uuid),
    withdraw: (uuid: string) => server.withdraw(uuid),
    requests: () => engine.requests,
    log: () => lines,
  };
  process.on('message', ({ id, name, argument }: { id: number; name: Call; argument: unknown }) => {
    Promise.resolve()
      .then(() => calls[name](argument as never))
      .then(
        (value) => process.send?.({ id, value }),
        (error: Error) => process.send?.({ id, error: error.message }),
      );
  });
}

if (import.meta.main) serve(JSON.parse(process.argv[2] ?? '{}'));
