/**
 * Watches the consoles of machines that an operation waits for: a kernel panic ends the wait at once. A console that
 * Ingot keeps open is read as it prints; a file written by another program is polled.
 */
import { StringDecoder } from 'node:string_decoder';
import { Fault } from '#domain/faults.ts';
import type { ConsoleInterface, Drivers, NodeFacts } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { RowWriter } from '../worker/bound-operations.ts';
import type { LiveOperation } from '../worker/live-operations.ts';
import { eventOwner, interfaceOf, loadNode } from '../worker/task.ts';
import type { Worker } from '../worker/worker.ts';
import { PanicScanner } from './kernel-panic.ts';

type Parts = { store: Store; drivers: Drivers };
type Running = Pick<Worker, 'live' | 'cancel'>;

/** Poll interval: the writer of such a file sends no notification, and may be on another host (milliseconds). */
const readEveryMs = 2000;

type ConsoleFile = { facts: NodeFacts; driver: ConsoleInterface & Required<Pick<ConsoleInterface, 'log' | 'position'>> };
type Watched = {
  readonly scanner: PanicScanner;
  readonly decoder: StringDecoder;
  /** Undefined: not determined yet; null: its console is not a file. */
  file: ConsoleFile | null | undefined;
  /** Offset read so far; undefined: none yet. */
  since: string | undefined;
};

export class ConsoleWatch {
  readonly #parts: Parts;
  /** By operation. */
  readonly #watched = new WeakMap<LiveOperation, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #reading = false;
  #worker: Running | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Before the start nothing is watched. */
  start(worker: Running): void {
    this.#worker = worker;
    this.#timer = setInterval(() => void this.#readOnce(), readEveryMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The machine is about to boot: earlier output does not belong to this boot. */
  async bootBegins(live: LiveOperation, rows: Pick<RowWriter, 'saveContext'>): Promise<void> {
    const watched = this.#begin(live);
    watched.file = await this.#findFile(live).catch(() => undefined);
    const since = await watched.file?.driver.position(watched.file.facts).catch(() => undefined);
    if (since === undefined) return;
    watched.since = since;
    // Persisted, because the file grows while the process is down.
    await rows.saveContext(live, (context) => ({ ...context, console_since: since }));
  }

  /** Handles console output of the node. */
  hear(nodeUuid: string, data: Buffer): void {
    const live = this.#worker?.live.ofNode(nodeUuid);
    if (live && isWaitedFor(live)) this.#scan(live, this.#of(live).decoder.write(data));
  }

  /** Reads what has been written to the files since the last poll. */
  async read(): Promise<void> {
    const waiting = [...(this.#worker?.live.values() ?? [])].filter(isWaitedFor);
    await Promise.all(waiting.map((live) => this.#readFile(live).catch(() => {})));
  }

  async #readOnce(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    await this.read().finally(() => {
      this.#reading = false;
    });
  }

  async #readFile(live: LiveOperation): Promise<void> {
    const watched = this.#of(live);
    watched.file ??= watched.file === undefined ? await this.#findFile(live) : null;
    if (!watched.file) return;
    const { driver, facts } = watched.file;
    const end = await driver.position(facts);
    const since = watched.since ?? live.operation.context.console_since;
    watched.since = end;
    // Without an offset, the content may belong to an earlier boot.
    if (end === undefined || since === undefined || end === since) return;
    this.#scan(live, (await driver.log(facts, { since })) ?? '');
  }

  async #findFile({ operation }: LiveOperation): Promise<ConsoleFile | null> {
    const { store, drivers } = this.#parts;
    const { node, facts } = await loadNode(store, operation.node_uuid);
    const driver = interfaceOf(drivers.console, node.console_interface);
    if (!driver.log || !driver.position) return null;
    return { facts, driver: driver as ConsoleFile['driver'] };
  }

  #scan(live: LiveOperation, text: string): void {
    const panic = this.#of(live).scanner.feed(text);
    if (!panic) return;
    const { operation } = live;
    const message = `The console says: "${panic.quote}"`;
    this.#parts.store.events.append({ ...eventOwner(operation), kind: 'note', subject: 'kernel panic', message });
    this.#worker?.cancel(operation.id, new Fault('kernelPanic', panic));
  }

  #of(live: LiveOperation): Watched {
    return this.#watched.get(live) ?? this.#begin(live);
  }

  #begin(live: LiveOperation): Watched {
    const watched: Watched = {
      scanner: new PanicScanner(),
      decoder: new StringDecoder('utf8'),
      file: undefined,
      since: undefined,
    };
    this.#watched.set(live, watched);
    return watched;
  }
}

/** True if its ramdisk is about to boot or is running. */
function isWaitedFor({ operation, step }: LiveOperation): boolean {
  if (operation.state !== 'running') return false;
  return step.awaitsBoot || step.phase === 'image' || operation.context.command !== undefined;
}
