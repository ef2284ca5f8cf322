/**
 * API of a farm of virtual BMCs for load tests: `startFarm` starts one, `connectFarm` connects to one that `ingot lab
 * farm` runs. The farm is a separate process on addresses of 127.0.0.0/8, to which Linux responds without
 * configuration.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '../control.ts';
import { onMessage } from '../json-lines.ts';
import { farmNode, writeNodes } from '../nodes-file.ts';
import { defaultFarmDir, type FarmMachine, type FarmOptions, type FarmRecord, planFarm } from './farm-plan.ts';
import { farmFile, readFarm, writeFarm } from './farm-record.ts';
import type { FarmCounters, FarmPowers, FarmRequest, GroupCounters } from './farm-requests.ts';

export type { FarmCounters, FarmMachine, FarmOptions, FarmPowers, FarmRecord, GroupCounters };
export { defaultFarmDir, farmFile };

const farmProgram = fileURLToPath(new URL('farm-process.ts', import.meta.url));
/** Timeout of an orderly shutdown (milliseconds). */
const stopTimeout = 20_000;

export class Farm {
  readonly record: FarmRecord;
  /** The farm's process, if this program started it. */
  readonly processId: number | undefined;
  readonly #control: ControlClient;
  readonly #child: ChildProcess | undefined;

  constructor(record: FarmRecord, control: ControlClient, child?: ChildProcess) {
    this.record = record;
    this.processId = child?.pid;
    this.#control = control;
    this.#child = child;
  }

  get machines(): readonly FarmMachine[] {
    return this.record.machines;
  }

  async counters(): Promise<FarmCounters> {
    return (await this.#ask({ action: 'counters' })) as FarmCounters;
  }

  /** Toggles the power of `count` machines, chosen by the seed, without a BMC command. @returns new states by name. */
  async flip(count: number): Promise<FarmPowers> {
    return (await this.#ask({ action: 'flip', count })) as FarmPowers;
  }

  /** The actual power states by name. */
  async powers(): Promise<FarmPowers> {
    return (await this.#ask({ action: 'powers' })) as FarmPowers;
  }

  /** `profile` = a name in lab/bmc-profiles, and single fields: see lab/bmc/bmc-profile.ts. */
  async setBmcProfile(machines: readonly string[] | 'all', changes: Readonly<Record<string, unknown>>): Promise<void> {
    await this.#ask({ action: 'set', machines, changes });
  }

  /** Calls back when the farm has ended for any reason. */
  whenDown(listener: () => void): void {
    if (this.#control.ended) listener();
    else this.#control.once('end', listener);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    const ended = child ? whenEnded(child) : once(this.#control, 'end', { signal: AbortSignal.timeout(stopTimeout) });
    if (!this.#control.ended) this.#ask({ action: 'stop' }).catch(() => {});
    const killTimer = child && setTimeout(() => child.kill('SIGKILL'), stopTimeout);
    await ended.catch(() => {});
    clearTimeout(killTimer);
  }

  /** Disconnects from a farm that another process runs. */
  disconnect(): void {
    this.#control.close();
  }

  #ask(request: FarmRequest): Promise<unknown> {
    return this.#control.ask<FarmRequest>(request);
  }
}

/** Resolves when every BMC responds. Throws when an address is in use or the host has too few descriptors. */
export async function startFarm(options: FarmOptions = {}): Promise<Farm> {
  const record = planFarm(options);
  const running = await connectFarm(record.state_dir);
  if (running) {
    running.disconnect();
    throw new Error(`a farm runs already in ${record.state_dir}`);
  }
  writeFarm(record);
  writeNodes(record.state_dir, record.machines.map(farmNode));
  const child = launch(record);
  try {
    await untilReady(child, record);
    return new Farm(record, await ControlClient.connect(record.control), child);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** The farm that runs with this state folder, or undefined. */
export async function connectFarm(stateDir: string = defaultFarmDir): Promise<Farm | undefined> {
  const record = readFarm(stateDir);
  const control = record && (await ControlClient.connect(record.control).catch(() => undefined));
  return control && new Farm(record, control);
}

function launch(record: FarmRecord): ChildProcess {
  mkdirSync(record.state_dir, { recursive: true });
  const log = openSync(join(record.state_dir, 'farm.log'), 'a');
  const args = ['--disable-warning=ExperimentalWarning', farmProgram, record.state_dir];
  const child = spawn(process.execPath, args, { stdio: ['ignore', log, log, 'pipe'] });
  closeSync(log);
  return child;
}

async function untilReady(child: ChildProcess, { state_dir: stateDir }: FarmRecord): Promise<void> {
  const ended = whenEnded(child).then(() => ({ error: 'it ended at once' }));
  const reported = new Promise<{ error?: string }>((resolve) => onMessage(child.stdio[3] as Duplex, resolve));
  const { error } = await Promise.race([reported, ended]);
  if (error) throw new Error(`the farm did not come up: ${error} (${join(stateDir, 'farm.log')} may say more)`);
}

async function whenEnded(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
