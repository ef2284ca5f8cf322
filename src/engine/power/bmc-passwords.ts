/**
 * Changes the password of a BMC account, and recovers from interrupted changes. The new password is stored beside the
 * old one (`next_ipmi_password`) before it is sent to the BMC, so that one of the two always works.
 */
import { asFault, Fault, type FaultCode } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { CallOptions, Drivers, ManagementInterface, NodeFacts } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import { findNode } from '../nodes/find-node.ts';
import type { NodeReservations } from '../nodes/node-reservations.ts';
import { interfaceOf, loadNode } from '../worker/task.ts';

type Parts = {
  store: Store;
  drivers: Drivers;
  /** During a change no other request reaches the BMC, and its settings cannot be changed. */
  reservations: NodeReservations;
  /** Called to invalidate state that was learned with the former settings. */
  changed(uuid: string): Promise<void>;
};

/** The settings of a node as last read or written. */
type AsRead = Pick<Node, 'uuid' | 'driver_info' | 'revision'>;
type Account = { facts: NodeFacts & AsRead; management: ManagementInterface; key: string; nextKey: string };

/** The password that the BMC accepts; `unknown`: it cannot be reached now. */
type Verdict = 'new' | 'old' | 'neither' | 'unknown';

/** With these faults the BMC has received no request. */
const untouchedCodes: readonly FaultCode[] = ['badRequest', 'driverInfo', 'unsupportedByHardware'];
/** Timeout of one request (milliseconds). */
const questionMs = 30_000;
/** Delay before a BMC that could not be reached is retried (milliseconds). */
const laterMs = 300_000;

export class BmcPasswords {
  readonly #parts: Parts;
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Settles interrupted changes of the last process; an unreachable BMC is settled when it responds again. */
  async start(): Promise<void> {
    const nodes = await this.#parts.store.nodes.pick(['uuid', 'driver_info']);
    const broken = nodes.filter(({ driver_info }) => Object.keys(driver_info).some((key) => key.startsWith('next_')));
    await this.#parts.reservations.releaseFormer(new Set(broken.map(({ uuid }) => uuid)));
    const left: string[] = [];
    for (const { uuid } of broken) {
      if (this.#stop.signal.aborted) return;
      if ((await this.settle(uuid).catch(() => 'unknown')) === 'unknown') left.push(uuid);
    }
    await this.#parts.reservations.releaseFormer(new Set());
    if (left.length > 0) this.#startLater();
  }

  stop(): void {
    this.#stop.abort(new Error('Ingot is stopping'));
    clearTimeout(this.#timer);
  }

  #startLater(): void {
    clearTimeout(this.#timer);
    if (!this.#stop.signal.aborted) this.#timer = setTimeout(() => void this.start().catch(() => {}), laterMs).unref();
  }

  /** Throws the BMC's fault; then the old password is still valid, or which one is will be settled later. */
  async rotate(uuid: string, password: string, callOptions: CallOptions = {}): Promise<void> {
    await this.#alone(uuid, 'idle', async () => {
      await this.#settleFormer(uuid);
      const { facts, management, key, nextKey } = await this.#accountOf(uuid);
      if (!management.changePassword || facts.driver_info[key] === undefined)
        throw new Fault('badRequest', { detail: `driver_info of the node has no ${key} that could be replaced.` });
      const noted = await this.#write(facts, { [nextKey]: password });
      try {
        await management.changePassword(facts, password, callOptions);
      } catch (error) {
        const isUntouched = untouchedCodes.includes(asFault(error).code);
        if (isUntouched) await this.#write(noted, { [nextKey]: null });
        else if ((await this.#settleOrLater(uuid)) === 'new') return;
        throw error;
      }
      try {
        await this.#write(noted, { [key]: password, [nextKey]: null });
      } catch (error) {
        if (asFault(error).code !== 'conflict') throw error;
        return this.#keepBoth(uuid, nextKey, password);
      }
      await this.#parts.changed(uuid);
    });
  }

  /**
   * The settings were changed concurrently after all: keep them, store our password beside them, and test both on the
   * BMC.
   */
  async #keepBoth(uuid: string, nextKey: string, password: string): Promise<void> {
    const { facts } = await this.#accountOf(uuid);
    await this.#write(facts, { [nextKey]: password });
    await this.#settleOrLater(uuid);
  }

  /** @returns undefined if there is nothing to settle */
  async settle(uuid: string): Promise<Verdict | undefined> {
    return this.#alone(uuid, 'repair', () => this.#settle(uuid));
  }

  async #settle(uuid: string): Promise<Verdict | undefined> {
    const account = await this.#accountOf(uuid);
    const { facts, key, nextKey } = account;
    const next = facts.driver_info[nextKey];
    if (typeof next !== 'string') return undefined;
    const verdict = await this.#ask(account);
    if (verdict === 'unknown') return verdict;
    const message = `a password change was interrupted; the BMC accepts ${verdict === 'neither' ? verdict : `the ${verdict} one`}`;
    this.#parts.store.events.append({ kind: 'bmc', node_uuid: uuid, subject: 'password', message });
    if (verdict === 'neither') return verdict;
    await this.#write(facts, { ...(verdict === 'new' && { [key]: next }), [nextKey]: null });
    await this.#parts.changed(uuid);
    return verdict;
  }

  async #settleOrLater(uuid: string): Promise<Verdict | undefined> {
    const verdict = await this.#settle(uuid);
    if (verdict === 'unknown') this.#startLater();
    return verdict;
  }

  async #settleFormer(uuid: string): Promise<void> {
    const verdict = await this.#settle(uuid);
    if (verdict !== 'unknown' && verdict !== 'neither') return;
    const why = verdict === 'unknown' ? 'the BMC does not answer' : 'the BMC accepts neither';
    const detail = `A previous password change was interrupted and ${why}: driver_info holds the old password and the new one.`;
    throw new Fault('conflict', { detail });
  }

  #alone<R>(uuid: string, takes: 'idle' | 'repair', work: () => Promise<R>): Promise<R> {
    return this.#parts.reservations.during({ uuid, purpose: 'a BMC password change', takes }, work);
  }

  /** The new password first: a session opened with the old one may still be valid, and would prove nothing. */
  async #ask({ facts, management, key, nextKey }: Account): Promise<Verdict> {
    const { [key]: old, [nextKey]: next, ...rest } = facts.driver_info;
    for (const [verdict, password] of [
      ['new', next],
      ['old', old],
    ] as const) {
      const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(questionMs)]);
      try {
        await management.getBootDevice({ ...facts, driver_info: { ...rest, [key]: password ?? null } }, { signal });
        return verdict;
      } catch (error) {
        if (asFault(error).code !== 'bmcRefused') return 'unknown';
      }
    }
    return 'neither';
  }

  async #accountOf(uuid: string): Promise<Account> {
    const { store, drivers } = this.#parts;
    const { node, facts } = await loadNode(store, uuid);
    const key = `${node.management_interface}_password`;
    const management = interfaceOf(drivers.management, node.management_interface);
    return { facts: { ...facts, revision: node.revision }, management, key, nextKey: `next_${key}` };
  }

  /**
   * Replaces only the values that were read, so that concurrent changes are neither lost nor mixed with ours. @param
   * change null removes a key
   * @throws Fault `conflict` if the settings have changed since
   */
  async #write({ uuid, driver_info, revision }: AsRead, change: JsonObject): Promise<AsRead> {
    return this.#parts.store.transaction(async (trx) => {
      const merged = Object.entries({ ...driver_info, ...change }).filter(([, value]) => value !== null);
      const written = Object.fromEntries(merged);
      const patch = { driver_info: written, updated_at: new Date().toISOString() };
      if ((await trx.nodes.update({ uuid, revision }, patch)) === 0) {
        const { name } = await findNode(trx, uuid);
        throw new Fault('conflict', { detail: `driver_info of node ${name ?? uuid} was changed in the meantime.` });
      }
      return { uuid, driver_info: written, revision: revision + 1 };
    });
  }
}
