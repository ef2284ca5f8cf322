/** A rack of machines without hardware, as seen by tests: its events, and the faults that tests inject. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BmcProfile } from '#lab/bmc/bmc-profile.ts';
import { insideNamespace } from '#lab/network.ts';
import type { GateMoment, GateVerdict } from './answer-gate.ts';
import { macOfMachine, type PrivateNetwork, serverAddress } from './private-network.ts';
import type { MachineNews, MachinePlan } from './simulated-machine.ts';
import type { RackMessage, RackRequest } from './simulated-process.ts';

/** Sparse file. Demo flavors need 6 GiB, 256 MiB of swap and a config drive. */
export const diskBytes = 8 * 1024 ** 3;
const httpPort = 8088;
const firstBmcPort = 6231;
const firstRedfishPort = 8431;
const rackProgram = fileURLToPath(new URL('./simulated-process.ts', import.meta.url));

type Boot = MachineNews & { what: 'boot' };
type Mishap = RackRequest extends infer R ? (R extends RackRequest ? Omit<R, 'id' | 'machine'> : never) : never;

export class RackMachine extends EventEmitter<{ news: [MachineNews]; bmc: [string] }> {
  readonly plan: MachinePlan;
  /** Since the start. */
  readonly news: MachineNews[] = [];
  /** Called with each changing Redfish request, before the BMC receives it and before its response is returned. */
  onChange: (moment: GateMoment) => GateVerdict | Promise<GateVerdict> = () => 'pass';
  readonly #ask: (mishap: Mishap) => Promise<void>;

  constructor(plan: MachinePlan, ask: (mishap: Mishap) => Promise<void>) {
    super();
    this.plan = plan;
    this.#ask = ask;
    this.on('news', (news) => this.news.push(news));
  }

  get power(): 'on' | 'off' {
    const last = this.news.findLast((news) => news.what === 'power');
    return last?.what === 'power' ? last.state : 'off';
  }

  boots(): Boot[] {
    return this.news.filter((news) => news.what === 'boot');
  }

  /** Resolves with its latest boot once that is one into `system`. */
  async untilBooted(system: Boot['system']): Promise<Boot> {
    for (;;) {
      const last = this.boots().at(-1);
      if (last?.system === system) return last;
      await this.until(({ what }) => what === 'boot');
    }
  }

  setBmcProfile(changes: Partial<BmcProfile>): Promise<void> {
    return this.#ask({ action: 'profile', changes });
  }

  setNic(state: 'dead' | 'alive'): Promise<void> {
    return this.#ask({ action: 'nic', dead: state === 'dead' });
  }

  killAgent(): Promise<void> {
    return this.#ask({ action: 'kill agent' });
  }

  restartBmc(): Promise<void> {
    return this.#ask({ action: 'restart BMC' });
  }

  stripRamdisk(): Promise<void> {
    return this.#ask({ action: 'strip ramdisk' });
  }

  async decide(stop: number, moment: GateMoment): Promise<void> {
    await this.#ask({ action: 'go on', stop, verdict: await this.onChange(moment) });
  }

  /** Resolves with the first matching event from now on. */
  until(fits: (news: MachineNews) => boolean): Promise<MachineNews> {
    return new Promise((resolve) => {
      const poll = (news: MachineNews) => {
        if (!fits(news)) return;
        this.off('news', poll);
        resolve(news);
      };
      this.on('news', poll);
    });
  }
}

export type RackPlaces = { network: PrivateNetwork; folder: string; tftpRoot: string };

export class SimulatedRack {
  readonly machines: readonly RackMachine[];
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  #lastId = 0;

  private constructor(child: ChildProcess, plans: readonly MachinePlan[]) {
    this.#child = child;
    this.machines = plans.map((plan) => new RackMachine(plan, (mishap) => this.#ask(plan.name, mishap)));
    child.on('message', (message: RackMessage) => this.#receive(message));
    child.once('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the rack is down'));
    });
  }

  static async start(places: RackPlaces): Promise<SimulatedRack> {
    const { network, folder } = places;
    const plans = network.nodes.map((_, index) => planMachine(places, index));
    for (const plan of plans) {
      await mkdir(plan.folder, { recursive: true });
      await writeFile(plan.diskFile, '');
      await truncate(plan.diskFile, diskBytes);
    }
    const file = join(folder, 'rack.json');
    await writeFile(file, JSON.stringify(plans), { mode: 0o600 });
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', rackProgram, file];
    const [program, ...args] = insideNamespace(network.server, node);
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const rack = new SimulatedRack(child, plans);
    const ended = once(child, 'close').then(() => Promise.reject(new Error('the rack did not start')));
    await Promise.race([ended, rack.#untilReady()]);
    ended.catch(() => {});
    return rack;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    // Not `close`: it also waits for the channel, which is gone by then.
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }

  #untilReady(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.on('message', (message: RackMessage) => message.kind === 'ready' && resolve());
    });
  }

  #ask(machine: string, mishap: Mishap): Promise<void> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ ...mishap, id, machine });
    });
  }

  #receive(message: RackMessage): void {
    if (message.kind === 'reply') {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error) waiting?.reject(new Error(message.error));
      else waiting?.resolve();
    }
    if (message.kind !== 'news' && message.kind !== 'bmc' && message.kind !== 'stopped') return;
    const machine = this.machines.find(({ plan }) => plan.name === message.machine);
    if (message.kind === 'stopped') {
      // The rack may end during the wait.
      machine?.decide(message.stop, message.moment).catch(() => {});
      return;
    }
    if (message.kind === 'news') machine?.emit('news', message.news);
    else machine?.emit('bmc', message.command);
  }
}

function planMachine({ network, folder, tftpRoot }: RackPlaces, index: number): MachinePlan {
  const name = `cardboard${index + 1}`;
  const own = join(folder, name);
  return {
    name,
    mac: macOfMachine(index),
    namespace: network.nodes[index] ?? '',
    address: network.addressOf(index),
    serverAddress,
    bootUrl: `http://${serverAddress}:${httpPort}`,
    tftpRoot,
    folder: own,
    diskFile: join(own, 'disk'),
    bmc: { port: firstBmcPort + index, redfishPort: firstRedfishPort + index, user: 'admin', password: 'cardboard' },
  };
}
