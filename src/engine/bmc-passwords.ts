/**
 * The password of a BMC's own account: replaced, and put right where replacing it was broken off. The new one is written
 * down beside the old one (`next_ipmi_password`) before the BMC is asked, so that one of the two is right whatever
 * happens in between.
 */
import { asFault, Fault, type FaultCode } from '#domain/faults.ts';
import type { JsonObject } from '#domain/records.ts';
import type { Asking, Drivers, ManagementInterface, NodeFacts } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import { interfaceOf, loadNode } from './task.ts';

type Parts = {
  store: Store;
  drivers: Drivers;
  /** What was learned with the former settings counts no more. */
  changed(uuid: string): Promise<void>;
};

type Account = { facts: NodeFacts; management: ManagementInterface; key: string; nextKey: string };

/** Which of the two passwords the BMC takes; `unknown`: it cannot be asked now. */
type Verdict = 'new' | 'old' | 'neither' | 'unknown';

/** With these the BMC was not asked for anything. */
const untouchedCodes: readonly FaultCode[] = ['badRequest', 'driverInfo', 'notOfThisHardware'];
/** One question (milliseconds). */
const questionMs = 30_000;
/** Until a BMC that could not be asked is asked again (milliseconds). */
const laterMs = 300_000;

export class BmcPasswords {
  readonly #parts: Parts;
  readonly #underWay = new Set<string>();
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Puts right what the last process had to leave; for a BMC that is silent, as soon as it answers. */
  async start(): Promise<void> {
    const broken = await this.#parts.store.db
      .selectFrom('nodes')
      .select('uuid')
      .where('driver_info', 'like', '%"next_%' as never)
      .execute();
    const left: string[] = [];
    for (const { uuid } of broken) {
      if (this.#stop.signal.aborted) return;
      if ((await this.settle(uuid).catch(() => 'unknown')) === 'unknown') left.push(uuid);
    }
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

  /** Throws what the BMC says; then the old password still counts, or which one does is found out later. */
  async rotate(uuid: string, password: string, asking: Asking = {}): Promise<void> {
    await this.#alone(uuid, async () => {
      await this.#settleFormer(uuid);
      const { facts, management, key, nextKey } = await this.#accountOf(uuid);
      if (!management.changePassword || facts.driver_info[key] === undefined)
        throw new Fault('badRequest', { detail: `driver_info of the node has no ${key} that could be replaced.` });
      await this.#write(uuid, { [nextKey]: password });
      try {
        await management.changePassword(facts, password, asking);
      } catch (error) {
        const isUntouched = untouchedCodes.includes(asFault(error).code);
        if (isUntouched) await this.#write(uuid, { [nextKey]: null });
        else if ((await this.#settleOrLater(uuid)) === 'new') return;
        throw error;
      }
      await this.#write(uuid, { [key]: password, [nextKey]: null });
      await this.#parts.changed(uuid);
    });
  }

  /** @returns undefined where there is nothing to settle */
  async settle(uuid: string): Promise<Verdict | undefined> {
    return this.#alone(uuid, () => this.#settle(uuid));
  }

  async #settle(uuid: string): Promise<Verdict | undefined> {
    const account = await this.#accountOf(uuid);
    const { facts, key, nextKey } = account;
    const next = facts.driver_info[nextKey];
    if (typeof next !== 'string') return undefined;
    const verdict = await this.#ask(account);
    if (verdict === 'unknown') return verdict;
    const message = `a change of its password was broken off; the BMC takes ${verdict === 'neither' ? verdict : `the ${verdict} one`}`;
    this.#parts.store.events.append({ kind: 'bmc', node_uuid: uuid, subject: 'password', message });
    if (verdict === 'neither') return verdict;
    await this.#write(uuid, { ...(verdict === 'new' && { [key]: next }), [nextKey]: null });
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
    const why = verdict === 'unknown' ? 'the BMC does not answer' : 'the BMC takes neither';
    const detail = `A former change of the password was broken off and ${why}: driver_info holds the old password and the new one.`;
    throw new Fault('conflict', { detail });
  }

  async #alone<R>(uuid: string, work: () => Promise<R>): Promise<R> {
    if (this.#underWay.has(uuid)) throw new Fault('conflict', { detail: 'The password of this BMC is being replaced already.' });
    this.#underWay.add(uuid);
    try {
      return await work();
    } finally {
      this.#underWay.delete(uuid);
    }
  }

  /** The new one first: a session that the old one opened may outlive it and would prove nothing. */
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
    return { facts, management, key, nextKey: `next_${key}` };
  }

  /** @param change null removes a key */
  async #write(uuid: string, change: JsonObject): Promise<void> {
    await this.#parts.store.transaction(async (inside) => {
      const node = await inside.nodes.find({ uuid });
      if (!node) throw new Fault('notFound', { what: 'Node', id: uuid });
      const merged = Object.entries({ ...node.driver_info, ...change }).filter(([, value]) => value !== null);
      await inside.nodes.update({ uuid }, { driver_info: Object.fromEntries(merged), updated_at: new Date().toISOString() });
    });
  }
}
