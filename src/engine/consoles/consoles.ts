/** Serial consoles: an enabled console is kept open and recorded; viewers can attach to it and type. */

import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { Semaphore } from '#async/semaphore.ts';
import { lastLines } from '#domain/last-lines.ts';
import type { Drivers } from '#drivers/interfaces.ts';
import { unsupported } from '#drivers/unsupported.ts';
import { writeAtomically } from '#files/write-atomically.ts';
import type { Store } from '#store/store.ts';
import { interfaceOf, loadNode } from '../worker/task.ts';
import { ConsoleLine } from './console-line.ts';
import { ConsoleRecord } from './console-record.ts';
import { ConsoleSessions } from './console-sessions.ts';

type Parts = {
  store: Store;
  drivers: Drivers;
  stateDir: string;
  /** Receives all output of the consoles that are kept open. */
  heard?(nodeUuid: string, data: Buffer): void;
};
/** Limits concurrent opens, each of which costs a BMC a session and CPU time: after a restart thousands may be due. */
const openedAtOnce = 20;

type ConsoleSession = { line: ConsoleLine; record: ConsoleRecord; wanted: boolean };

export class Consoles {
  readonly #parts: Parts;
  readonly #sessions = new Map<string, ConsoleSession>();
  readonly #viewers: ConsoleSessions;
  readonly #opening = new Semaphore(openedAtOnce);

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#viewers = new ConsoleSessions(parts.store);
  }

  async start(): Promise<void> {
    const wanted = await this.#parts.store.nodes.pick(['uuid', 'console_interface'], { console_enabled: true });
    for (const { uuid, console_interface } of wanted) {
      if (this.#parts.drivers.console[console_interface]?.open) this.#session(uuid).wanted = true;
    }
  }

  async stop(): Promise<void> {
    this.#viewers.close();
    const seats = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.all(seats.map(({ line }) => line.close()));
  }

  /** @throws Fault `unsupportedByHardware` if the console accepts no input */
  async setEnabled(uuid: string, enabled: boolean): Promise<void> {
    if (enabled) await this.#openable(uuid);
    await this.#parts.store.nodes.update({ uuid }, { console_enabled: enabled, updated_at: new Date().toISOString() });
    if (enabled) {
      this.#session(uuid).wanted = true;
      return;
    }
    const session = this.#sessions.get(uuid);
    if (session) session.wanted = false;
    await this.#leave(uuid);
  }

  /** @throws Fault `unsupportedByHardware` if the console accepts no input */
  async check(uuid: string): Promise<void> {
    await this.#openable(uuid);
  }

  /**
   * Attaches a viewer; destroying the stream detaches it. With `server`, the viewer is the owner of that server and is
   * admitted only while the machine belongs to it; otherwise throws `conflict`.
   */
  async attach(uuid: string, server?: string): Promise<Duplex> {
    await this.#openable(uuid);
    const viewer = this.#session(uuid).line.attach({ reportsTrouble: server === undefined });
    viewer.once('close', () => void this.#leave(uuid));
    if (server !== undefined) await this.#viewers.admit(viewer, { node: uuid, server });
    return viewer;
  }

  /** The next owner of the machine must not read earlier output. */
  async clearRecord(uuid: string): Promise<void> {
    const { node, facts } = await loadNode(this.#parts.store, uuid);
    await (this.#sessions.get(uuid)?.record ?? this.#record(uuid)).erase();
    const position = await this.#parts.drivers.console[node.console_interface]?.position?.(facts);
    if (position === undefined) return;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await writeAtomically(this.#markOf(uuid), position);
  }

  /** Null if there is no record. */
  async log(uuid: string, lines?: number): Promise<string | null> {
    const { node, facts } = await loadNode(this.#parts.store, uuid);
    const driver = interfaceOf(this.#parts.drivers.console, node.console_interface);
    if (driver.log) {
      const since = await readFile(this.#markOf(uuid), 'utf8').catch(() => undefined);
      return driver.log(facts, { ...(lines !== undefined && { lines }), ...(since !== undefined && { since }) });
    }
    const text = (await this.#record(uuid).read())?.toString('utf8');
    return text === undefined ? null : lastLines(text, lines);
  }

  /** Reopens the console after its settings have changed. */
  async reopen(uuid: string): Promise<void> {
    await this.forget(uuid);
    // Not from the in-memory entry: under its former settings the node may have had no console.
    const [node] = await this.#parts.store.nodes.pick(['console_enabled'], { uuid });
    const wanted = node?.console_enabled;
    if (wanted && (await this.#openable(uuid).catch(() => undefined))) this.#session(uuid).wanted = true;
  }

  /** Removes the console and the record of a deleted node. */
  async remove(uuid: string): Promise<void> {
    await this.forget(uuid);
    await this.#record(uuid).erase();
    await rm(this.#markOf(uuid), { force: true });
  }

  /** Closes the console and detaches all viewers. */
  async forget(uuid: string): Promise<void> {
    const session = this.#sessions.get(uuid);
    this.#sessions.delete(uuid);
    await session?.line.close();
  }

  get #directory(): string {
    return join(this.#parts.stateDir, 'consoles');
  }

  /** Holds the offset in a console record kept by another program at which the present owner's output begins. */
  #markOf(uuid: string): string {
    return join(this.#directory, `${uuid}.since`);
  }

  #record(uuid: string): ConsoleRecord {
    return new ConsoleRecord(this.#directory, uuid);
  }

  #session(uuid: string): ConsoleSession {
    const known = this.#sessions.get(uuid);
    if (known) return known;
    const record = this.#record(uuid);
    const line = new ConsoleLine({
      open: (signal) => this.#open(uuid, signal),
      record,
      heard: (data) => this.#parts.heard?.(uuid, data),
      report: (message) => this.#parts.store.events.append({ kind: 'bmc', node_uuid: uuid, subject: 'console', message }),
    });
    const session = { line, record, wanted: false };
    this.#sessions.set(uuid, session);
    return session;
  }

  async #open(uuid: string, signal: AbortSignal) {
    return this.#opening.run(async () => {
      const { open, facts } = await this.#openable(uuid);
      return open(facts, { signal });
    }, signal);
  }

  async #openable(uuid: string) {
    const { node, facts } = await loadNode(this.#parts.store, uuid);
    const driver = interfaceOf(this.#parts.drivers.console, node.console_interface);
    if (!driver.open) return unsupported(node, `an interactive console (console_interface '${node.console_interface}')`);
    driver.validate(facts);
    return { facts, open: driver.open.bind(driver) };
  }

  /** With the console disabled and no viewer left, the session is returned to the BMC. */
  async #leave(uuid: string): Promise<void> {
    const session = this.#sessions.get(uuid);
    if (!session || session.wanted || session.line.viewers > 0) return;
    this.#sessions.delete(uuid);
    await session.line.close();
  }
}
