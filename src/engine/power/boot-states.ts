/**
 * Boot states of machines (boot mode, Secure Boot) as last reported by their BMCs; stored in the node, null if unknown.
 * Read when a node is verified, on request or change, and once after each power change, when BMCs apply them.
 */
import type { Logger } from 'pino';
import { asFault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { CallOptions, Drivers, ManagementInterface, NodeFacts } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { interfaceOf } from '../worker/task.ts';
import { bmcDeadline } from './bmc-deadline.ts';

export type BootState = Pick<Node, 'boot_mode' | 'secure_boot'>;
export const unknownBootState: BootState = { boot_mode: null, secure_boot: null };

type Parts = { store: Store; drivers: Pick<Drivers, 'management'>; log: Pick<Logger, 'debug'> };
/** A response obtained with the settings of another revision is about another machine. */
type Asked = NodeFacts & Pick<Node, 'management_interface' | 'revision'>;

/** Read after power polls, a few at a time; the remaining nodes are read after their next poll. */
const readAtOnce = 20;
/** Timeout of a background read (milliseconds). */
const readMs = 60_000;

export class BootStates {
  readonly #parts: Parts;
  /** By node: revision and power state of the last read or attempt. */
  readonly #read = new Map<string, string>();
  readonly #closing = new AbortController();
  readonly #reading = new Set<Promise<void>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Reads the state from the BMC now, and stores it. */
  async ask(node: Asked, callOptions: CallOptions): Promise<BootState> {
    const management = interfaceOf(this.#parts.drivers.management, node.management_interface);
    const boot_mode = (await management.getBootMode?.(node, callOptions)) ?? null;
    const state = { boot_mode, secure_boot: (await management.getSecureBoot?.(node, callOptions)) ?? null };
    await this.#keep(node, state);
    return state;
  }

  /** Called after each successful poll. */
  consider(node: Asked, power: PowerState): void {
    if (this.#closing.signal.aborted || this.#reading.size >= readAtOnce || !this.#reports(node)) return;
    const key = keyOf(node, power);
    if (this.#read.get(node.uuid) === key) return;
    this.#read.set(node.uuid, key);
    const reading = this.#tryToAsk(node).finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
  }

  /** Removes the state of a deleted node. */
  forget(uuid: string): void {
    this.#read.delete(uuid);
  }

  /** Resolves when no background read is running. */
  async idle(): Promise<void> {
    await Promise.all(this.#reading);
  }

  async stop(): Promise<void> {
    this.#closing.abort(new Error('Ingot is stopping'));
    await this.idle();
  }

  /** After a failure, retried at the next power change. */
  async #tryToAsk(node: Asked): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, bmcDeadline(node, readMs)]);
    await this.ask(node, { signal, background: true }).catch((error) => {
      this.#parts.log.debug({ node: node.uuid, reason: asFault(error).message }, 'could not read the boot mode of a machine');
    });
  }

  #reports({ management_interface }: Asked): boolean {
    const interfaces: Readonly<Record<string, ManagementInterface>> = this.#parts.drivers.management;
    const management = Object.hasOwn(interfaces, management_interface) ? interfaces[management_interface] : undefined;
    return management?.getBootMode !== undefined || management?.getSecureBoot !== undefined;
  }

  /** Written only if changed, and if the node still has the same BMC settings. */
  async #keep({ uuid, revision }: Asked, state: BootState): Promise<void> {
    await this.#parts.store.transaction(async ({ nodes }) => {
      const [now] = await nodes.pick(['boot_mode', 'secure_boot'], { uuid, revision });
      if (now === undefined) return;
      if (now.boot_mode !== state.boot_mode || now.secure_boot !== state.secure_boot) await nodes.update({ uuid }, state);
    });
  }
}

function keyOf({ revision }: Asked, power: PowerState): string {
  return `${power}, revision ${revision}`;
}
