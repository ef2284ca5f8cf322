/**
 * The farm's process: thousands of BMCs around machines that are only a power state. `startFarm` starts it:
 *     node farm-process.ts STATE_DIR
 * Descriptor 3 is a pipe to its owner: one JSON line reports that all BMCs are up, or the error. The farm exits when
 * the other end closes or its lifetime is over.
 */
import { Socket } from 'node:net';
import { ControlServer } from '../control.ts';
import type { FarmRecord } from './farm-plan.ts';
import { readFarm } from './farm-record.ts';
import type { FarmRequest } from './farm-requests.ts';
import { FarmStand } from './farm-stand.ts';

class FarmProcess {
  readonly #record: FarmRecord;
  readonly #stand: FarmStand;
  #control: ControlServer | undefined;
  #stopping: Promise<void> | undefined;
  #limit: NodeJS.Timeout | undefined;
  readonly #afterwards: () => void;

  /** @param afterwards called when everything is down */
  constructor(record: FarmRecord, afterwards: () => void) {
    this.#record = record;
    this.#afterwards = afterwards;
    this.#stand = new FarmStand(record);
  }

  async start(): Promise<void> {
    const { control, seconds } = this.#record;
    await this.#stand.open();
    this.#control = await ControlServer.start<FarmRequest>(control, (request) => this.#handle(request));
    if (seconds !== null) this.#limit = setTimeout(() => void this.stop(), seconds * 1000);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#takeDown();
    return this.#stopping;
  }

  async #handle(request: FarmRequest): Promise<unknown> {
    if (request.action === 'counters') return this.#stand.counters();
    if (request.action === 'flip') return this.#stand.flip(request.count);
    if (request.action === 'powers') return this.#stand.powers();
    if (request.action === 'set') return this.#stand.set(request.machines, request.changes);
    return void setImmediate(() => void this.stop());
  }

  async #takeDown(): Promise<void> {
    clearTimeout(this.#limit);
    await this.#stand.close();
    this.#control?.close();
    this.#afterwards();
  }
}

async function runFarm(stateDir: string): Promise<void> {
  const record = readFarm(stateDir);
  if (!record) throw new Error(`no farm.json in ${stateDir}`);
  const owner = new Socket({ fd: 3 });
  owner.on('error', () => {});
  const farm = new FarmProcess(record, () => owner.destroy());
  const end = () => void farm.stop();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
  owner.on('close', end).resume();
  try {
    await farm.start();
    owner.write(`${JSON.stringify({ ready: true })}\n`);
  } catch (error) {
    owner.end(`${JSON.stringify({ error: (error as Error).message })}\n`);
    await farm.stop();
    process.exitCode = 1;
  }
}

const [, , stateDir = ''] = process.argv;
await runFarm(stateDir);
