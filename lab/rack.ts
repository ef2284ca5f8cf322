/**
 * API of the virtual rack: `startRack` starts one, `connectRack` connects to one that `lab up` left running. Needs
 * root. The rack itself is a process inside the namespace; this is its remote control.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { MediaDevice } from './bmc/chassis.ts';
import { ControlClient, type ControlNews, type OverrideDevice, type PowerCommand } from './control.ts';
import { onMessage } from './json-lines.ts';
import type { NetworkBoot } from './machine-states.ts';
import { insideNamespace, lowerNetwork, processesIn, raiseNetwork } from './network.ts';
import { rackNode, writeNodes } from './nodes-file.ts';
import { planRack, type RackOptions } from './rack-plan.ts';
import type { MachineStatus } from './rack-process.ts';
import { type MachineRecord, type RackRecord, readRecord, writeRecord } from './rack-record.ts';

export type { MachineRecord, MachineStatus, RackOptions, RackRecord };

export type StartOptions = RackOptions & {
  /** Keep it up when this process ends. Default: it goes down with this process, whatever ends that. */
  readonly detached?: boolean;
  /** Start with the disks and consoles of the previous rack. Default: empty disks. */
  readonly keepDisks?: boolean;
};

/** `httpUri`: with `pxe` on UEFI firmware: HTTP boot from this URL, or '' = from the URL in DHCP. */
export type BootOverrideRequest2 = { persistent?: boolean; httpUri?: string };

const rackProgram = fileURLToPath(new URL('rack-process.ts', import.meta.url));
/** Timeout of an orderly shutdown (milliseconds). */
const stopTimeout = 30_000;

export class Rack {
  readonly record: RackRecord;
  readonly #control: ControlClient;
  readonly #child: ChildProcess | undefined;

  constructor(record: RackRecord, control: ControlClient, child?: ChildProcess) {
    this.record = record;
    this.#control = control;
    this.#child = child;
  }

  get machines(): readonly MachineRecord[] {
    return this.record.machines;
  }

  async status(): Promise<MachineStatus[]> {
    return (await this.#control.ask({ action: 'status' })) as MachineStatus[];
  }

  /** Resolves when the command has taken effect; for `soft` when the button has been pressed. */
  async power(machine: string, command: PowerCommand): Promise<void> {
    await this.#control.ask({ action: 'power', machine, command });
  }

  /** Sets the boot device without the BMC; it stays until it is consumed or, if `persistent`, until it is changed. */
  async setBoot(
    machine: string,
    device: OverrideDevice,
    { persistent = false, httpUri }: BootOverrideRequest2 = {},
  ): Promise<void> {
    await this.#control.ask({ action: 'boot', machine, device, persistent, httpUri });
  }

  /** Network boot method of the machine's UEFI firmware, from its next start on. */
  async setNetworkBoot(machine: string, way: NetworkBoot): Promise<void> {
    await this.#control.ask({ action: 'network boot', machine, way });
  }

  /** Inserts a file of this host into a drive, without the BMC, or ejects the medium (null). */
  async changeMedium(machine: string, device: MediaDevice, path: string | null): Promise<void> {
    await this.#control.ask({ action: 'medium', machine, device, path });
  }

  /** Attaches another client to the machine's serial line; destroy it when done. */
  async openConsole(machine: string): Promise<Duplex> {
    const record = this.machines.find(({ name }) => name === machine);
    if (!record) throw new Error(`there is no machine '${machine}'`);
    const socket = connect(record.console_socket);
    await once(socket, 'connect');
    return socket;
  }

  /** Changes the behaviour of the BMC: see lab/bmc/bmc-profile.ts for the names. */
  async setBmcProfile(machine: string, changes: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#control.ask({ action: 'set', machine, changes });
  }

  /** Notifications of all machines, as they arrive. */
  onNews(listener: (news: ControlNews) => void): void {
    this.#control.on('news', listener);
  }

  /**
   * Resolves at the machine's next change to `state`; `status` gives the current one. Rejects when the rack goes down.
   */
  untilState(machine: string, state: string, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const hear = (news: ControlNews) => news.machine === machine && news.state === state && resolve();
    const giveUp = () => reject(signal?.aborted ? signal.reason : new Error('the rack went down'));
    this.#control.on('news', hear);
    this.whenDown(giveUp);
    signal?.addEventListener('abort', giveUp);
    return promise.finally(() => {
      this.#control.off('news', hear);
      this.#control.off('end', giveUp);
      signal?.removeEventListener('abort', giveUp);
    });
  }

  /** Calls back when the rack is down for any reason. */
  whenDown(listener: () => void): void {
    if (this.#control.ended) listener();
    else this.#control.once('end', listener);
  }

  /** Starts a program inside the namespace, where machines and BMCs are reachable. */
  spawn(command: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [program, ...args] = insideNamespace(this.record.namespace, command);
    return spawn(program, args, options);
  }

  /** Takes everything down: machines, other processes inside, the namespace. Disks and consoles stay. */
  async stop(): Promise<void> {
    await stopRack(this.record, this.#control);
    if (this.#child && this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }

  /** Disconnects from a detached rack. */
  disconnect(): void {
    this.#control.close();
  }
}

/** Throws when a rack exists already, or the host lacks a requirement. */
export async function startRack(options: StartOptions = {}): Promise<Rack> {
  const { detached = false, keepDisks = false, ...rackOptions } = options;
  const plan = planRack(rackOptions);
  if (process.getuid?.() !== 0) throw new Error('the lab needs root: it makes a network namespace and bridges');
  const inside = processesIn(plan.namespace);
  if (inside.length > 0) {
    throw new Error(`namespace ${plan.namespace} is in use by process ${inside.join(', ')}; \`ingot lab down\` ends them`);
  }
  if (!keepDisks) for (const { name } of plan.machines) rmSync(join(plan.stateDir, name), { recursive: true, force: true });
  const record = writeRecord(rackOptions);
  writeNodes(record.state_dir, record.machines.map(rackNode));
  let child: ChildProcess | undefined;
  try {
    await raiseNetwork(plan);
    child = launch(record, detached);
    await untilReady(child, record);
    if (detached) letGo(child);
    return new Rack(record, await ControlClient.connect(record.control), child);
  } catch (error) {
    child?.kill('SIGKILL');
    await lowerNetwork(plan.namespace);
    throw error;
  }
}

/** The rack that runs with this state folder, or undefined. */
export async function connectRack(stateDir: string): Promise<Rack | undefined> {
  const record = readRecord(stateDir);
  const control = record && (await ControlClient.connect(record.control).catch(() => undefined));
  return control && new Rack(record, control);
}

/** Takes down the remains of a rack in any state. No error when there is none. */
export async function takeDownRack(stateDir: string, namespace?: string): Promise<void> {
  const rack = await connectRack(stateDir);
  if (rack) await rack.stop();
  const name = namespace ?? readRecord(stateDir)?.namespace ?? planRack({}).namespace;
  await lowerNetwork(name);
}

async function stopRack(record: RackRecord, control: ControlClient): Promise<void> {
  if (!control.ended) {
    const end = once(control, 'end', { signal: AbortSignal.timeout(stopTimeout) });
    control.ask({ action: 'stop' }).catch(() => {});
    await end.catch(() => {});
  }
  // It has done so itself, unless it was killed or hangs.
  await lowerNetwork(record.namespace);
}

function launch(record: RackRecord, detached: boolean): ChildProcess {
  mkdirSync(record.state_dir, { recursive: true });
  const log = openSync(join(record.state_dir, 'lab.log'), 'a');
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', rackProgram];
  const [program, ...args] = insideNamespace(record.namespace, [...node, record.state_dir, detached ? 'detached' : 'attached']);
  const child = spawn(program, args, { stdio: ['ignore', log, log, 'pipe'], detached });
  closeSync(log);
  return child;
}

async function untilReady(child: ChildProcess, record: RackRecord): Promise<void> {
  const ended = once(child, 'exit').then(() => ({ error: 'it ended at once' }));
  const reported = new Promise<{ error?: string }>((resolve) => onMessage(child.stdio[3] as Duplex, resolve));
  const { error } = await Promise.race([reported, ended]);
  if (error) throw new Error(`the rack did not come up: ${error} (${join(record.state_dir, 'lab.log')} may say more)`);
}

function letGo(child: ChildProcess): void {
  child.stdio[3]?.destroy();
  child.unref();
}
