/**
 * Firmware updates that may not have ended: a machine, or a BMC, that loses its power meanwhile may never start again. A
 * row is written before the update is sent, and removed when the BMC reports its end or another version, when an operator
 * says that it is over, or at its end in time. What switches a machine or restarts its BMC asks here first: operations wait,
 * and requests are refused.
 */
import { randomUUID } from 'node:crypto';
import { raceAbort } from '#async/abort.ts';
import { Fault } from '#domain/faults.ts';
import type { FirmwareInterface, FirmwareTask, NodeFacts, PowerTarget } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { FirmwareUpdateRow } from '#store/tables/firmware-updates.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { EngineSettings } from '../settings.ts';
import { StepWait } from '../worker/step-wait.ts';
import { bmcDeadline } from './bmc-deadline.ts';
import { dependentsOf, hasOwnSupply } from './family-power.ts';

type Named = Pick<Node, 'uuid' | 'name'>;
export type UpdateKey = Pick<FirmwareUpdateRow, 'node_uuid' | 'component' | 'operation_id'>;
/** `power on`: only the machine itself matters, as its child nodes lose nothing. */
type Change = PowerTarget | 'soft reset' | 'BMC';

/** Longer than the time in which the update ends for the step that waits for it (seconds). */
const slackSeconds = 60;
/** How long a request waits for what the BMC reports (milliseconds). */
const requestMs = 10_000;

/** Before the update is sent. One that was begun before for the same component, and was not sent, is replaced. */
export async function recordUpdate(
  store: Store,
  settings: Pick<EngineSettings, 'firmware.longest_update'>,
  update: UpdateKey & Pick<FirmwareUpdateRow, 'versions' | 'url'>,
): Promise<void> {
  await store.firmware_updates.sweep();
  const now = Date.now();
  const expires_at = new Date(now + settings['firmware.longest_update'] * 1000).toISOString();
  const row = { ...update, id: randomUUID(), task: null, sent_at: new Date(now).toISOString(), expires_at };
  await store.firmware_updates.upsert(['node_uuid', 'component'], row);
}

/** The BMC has accepted it, or is restarting. */
export async function recordTask(store: Store, key: UpdateKey, task: FirmwareTask): Promise<void> {
  await store.firmware_updates.update(key, { task });
}

type Which = Partial<Pick<FirmwareUpdateRow, 'id' | 'node_uuid' | 'operation_id'>>;

/** @returns whether there was one */
export async function endUpdates(store: Store, which: Which, why: string): Promise<boolean> {
  const ended = await store.transaction(async (trx) => {
    await trx.firmware_updates.sweep();
    const rows = await trx.firmware_updates.list(which);
    await trx.firmware_updates.remove(which);
    return rows;
  });
  for (const { node_uuid, component, sent_at } of ended) {
    const message = `the update of the ${whatOf({ component })}, sent at ${sent_at}, is over: ${why}`;
    store.events.append({ kind: 'note', node_uuid, subject: 'firmware', message });
  }
  return ended.length > 0;
}

/** Those that may not have ended, of the machine and of the child nodes that would lose their power with it. */
export async function updatesUnder(store: Store, node: Named, change: Change): Promise<FirmwareUpdateRow[]> {
  const own = await store.firmware_updates.live(node.uuid);
  const others = change === 'power on' || change === 'BMC' ? [] : await store.firmware_updates.liveOfChildren(node.uuid);
  if (others.length === 0) return own;
  const dependents = new Set((await dependentsOf(store, node)).map(({ uuid }) => uuid));
  return [...own, ...others.filter(({ node_uuid }) => dependents.has(node_uuid))];
}

/** Nodes that a deployment could not switch: with an update that may not have ended, or a child node that depends on them. */
export async function nodesUpdating(store: Store): Promise<string[]> {
  const uuid = await store.firmware_updates.liveNodes();
  if (uuid.length === 0) return [];
  const nodes = await store.nodes.list({ uuid });
  return nodes.flatMap((node) => [node.uuid, ...(node.parent_node && !hasOwnSupply(node) ? [node.parent_node] : [])]);
}

/** In the transaction that begins the change. @throws Fault `firmwareUpdating` */
export async function refuseWhileUpdating(trx: Store, node: Named, change: Change): Promise<void> {
  const [update] = await updatesUnder(trx, node, change);
  if (!update) return;
  const [of] = await trx.nodes.pick(['uuid', 'name'], { uuid: update.node_uuid });
  const { sent_at, expires_at: until } = update;
  throw new Fault('firmwareUpdating', { node: of?.name ?? update.node_uuid, what: whatOf(update), sent_at, until });
}

type Parts = {
  readonly store: Store;
  /** Between the questions of a step that waits (milliseconds). */
  readonly pollMs: number;
  load(uuid: string): Promise<{ node: Node; facts: NodeFacts }>;
  firmwareOf(node: Node): FirmwareInterface;
};

export class UpdateWatch {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** For a request, before the transaction that may refuse it: what the BMC knows by now. */
  async settle(node: Named, change: Change): Promise<void> {
    for (const update of await updatesUnder(this.#parts.store, node, change))
      await this.#ask(update, bmcDeadline(node, requestMs));
  }

  /**
   * For a step, before it switches the machine.
   * @param own an update that the step itself has begun, but not sent
   * @throws StepWait while one may not have ended
   */
  async wait(node: Named, change: Change, { signal, own }: { signal: AbortSignal; own?: UpdateKey }): Promise<void> {
    const { store, pollMs } = this.#parts;
    const isOther = ({ component, operation_id }: UpdateKey) => operation_id !== own?.operation_id || component !== own.component;
    for (const update of (await updatesUnder(store, node, change)).filter(isOther)) await this.#ask(update, signal);
    signal.throwIfAborted();
    const [left] = (await updatesUnder(store, node, change)).filter(isOther);
    if (!left) return;
    const { node_uuid, sent_at, expires_at } = left;
    const where = node_uuid === node.uuid ? '' : ` on child node ${node_uuid}`;
    throw new StepWait({
      wait: `the update of the ${whatOf(left)}${where} to end (sent at ${sent_at}; until ${expires_at} at the latest nothing is switched)`,
      againIn: pollMs / 1000,
      seconds: Math.max((Date.parse(expires_at) - Date.now()) / 1000, 0) + slackSeconds,
    });
  }

  /** Removes the row if the update has ended. A BMC that does not answer may be writing. */
  async #ask(update: FirmwareUpdateRow, signal: AbortSignal): Promise<void> {
    const { store } = this.#parts;
    try {
      const why = await raceAbort(this.#endOf(update, signal), signal);
      if (why !== undefined) await endUpdates(store, { id: update.id }, why);
    } catch (error) {
      if (store.hasFailed(error)) throw error;
    }
  }

  async #endOf(update: FirmwareUpdateRow, signal: AbortSignal): Promise<string | undefined> {
    const { load, firmwareOf } = this.#parts;
    const { node_uuid, component, url, versions, task, sent_at } = update;
    const { node, facts } = await load(node_uuid);
    const firmware = firmwareOf(node);
    if (task) {
      const elapsed = Math.max((Date.now() - Date.parse(sent_at)) / 1000, 0);
      const started = { update: { ...(component && { component }), url }, task, versions, elapsed };
      const progress = await firmware.pollUpdate(facts, started, { signal });
      if (!progress) return 'the BMC reports its end';
      return 'failed' in progress ? 'the BMC reports that it has failed' : undefined;
    }
    const found = await firmware.readComponents(facts, { signal });
    const changed = found.find((one) => isAnother(update, one));
    return changed && `${changed.component} is now ${changed.version}`;
  }
}

function isAnother({ component, versions }: FirmwareUpdateRow, found: { component: string; version: string | null }): boolean {
  const isMeant = component === '' || component === found.component;
  return isMeant && Object.hasOwn(versions, found.component) && versions[found.component] !== found.version;
}

function whatOf({ component }: Pick<FirmwareUpdateRow, 'component'>): string {
  return component ? `firmware of ${component}` : 'firmware';
}
