/** The reaction to a power change that Ingot did not request. */
import { Fault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { NodeFacts } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { power } from '../operations/power.ts';
import { serverOn } from '../servers/server-on-node.ts';
import { type EngineSettings, formerPowerPolicies, type PowerPolicyName, powerPolicies } from '../settings.ts';
import { newOperation } from '../worker/define-operation.ts';
import type { LastErrors } from '../worker/last-error.ts';
import { now } from '../worker/step-deadlines.ts';
import type { Worker } from '../worker/worker.ts';
import { updatesUnder } from './firmware-updates.ts';

export type FoundPower = {
  node: NodeFacts & Pick<Node, 'instance_uuid' | 'revision'>;
  /** Null: the state was unknown. */
  expected: PowerState | null;
  seen: PowerState;
  /** The BMC responds again after a failure. */
  hasRecovered?: boolean;
};

type Governed = Pick<NodeFacts, 'driver_info' | 'disable_power_off'>;

type OfServer = Pick<Operation, 'server_id'>;

export type PowerPolicyParts = {
  store: Store;
  settings: EngineSettings;
  worker: Pick<Worker, 'begin' | 'launch'>;
  lastErrors: LastErrors;
};

/** After this many corrections within this time (milliseconds) the node is set to maintenance. */
const correctionsMax = 3;
const correctionsWithin = 3_600_000;

/** @throws Fault `driverInfo` if the node names an unknown policy */
export function checkPowerPolicy({ name, uuid, driver_info }: Pick<NodeFacts, 'name' | 'uuid' | 'driver_info'>): void {
  const wanted = currentName(driver_info['power_sync_policy']);
  if (wanted === undefined || powerPolicies.some((policy) => policy === wanted)) return;
  const detail = `power_sync_policy must be one of ${powerPolicies.join(', ')}`;
  throw new Fault('driverInfo', { node: name ?? uuid, detail });
}

function currentName(policy: unknown): unknown {
  return typeof policy === 'string' && Object.hasOwn(formerPowerPolicies, policy) ? formerPowerPolicies[policy] : policy;
}

export class PowerPolicy {
  readonly #parts: PowerPolicyParts;
  readonly #corrections = new Map<string, number[]>();

  constructor(parts: PowerPolicyParts) {
    this.#parts = parts;
  }

  /** Removes the state of a deleted node. */
  forget(uuid: string): void {
    this.#corrections.delete(uuid);
  }

  /** True if the node's policy does more than record. */
  acts(node: Governed): boolean {
    return this.#policyOf(node) !== 'record';
  }

  async handle(found: FoundPower): Promise<void> {
    const policy = found.expected === null || found.hasRecovered ? 'record' : this.#policyOf(found.node);
    if (policy === 'record') return this.#record(found);
    if (policy === 'correct' && this.#mayCorrect(found.node.uuid)) return this.#correct(found);
    return this.#setMaintenance(found, policy);
  }

  /** The site's setting, unless the node overrides it; an unknown value counts as `record`, the mildest. */
  #policyOf({ driver_info, disable_power_off }: Governed): PowerPolicyName {
    const wanted = currentName(driver_info['power_sync_policy']) ?? this.#parts.settings['power.sync_policy'];
    const policy = powerPolicies.find((each) => each === wanted) ?? 'record';
    // As in Ironic, such a machine is left as it is found.
    return policy === 'correct' && disable_power_off ? 'record' : policy;
  }

  async #record(found: FoundPower, result = ''): Promise<void> {
    const written = await this.#write(found);
    if (written) this.#report(found, written, `was found ${found.seen}${result}`);
  }

  async #correct(found: FoundPower): Promise<void> {
    const { store, worker } = this.#parts;
    const { node, expected, seen } = found;
    const target = expected ?? seen;
    const operation = await store.transaction(async (trx) => {
      const [lock] = await trx.node_locks.inForce(node.uuid, power.forbiddenBy);
      if (lock) return 'a lock forbids';
      if ((await updatesUnder(trx, node, target)).length > 0) return 'a firmware update that may not have ended forbids';
      if (!(await trx.nodes.update(isAsRead(found), { target_power_state: target }))) return undefined;
      const purpose = `${target} of node ${node.name ?? node.uuid}, which was found ${seen}`;
      const about = { purpose, node_uuid: node.uuid, server_id: (await serverOn(trx, node))?.id ?? null };
      return worker.begin(trx, newOperation(power, { ...about, request: { target } }));
    });
    if (typeof operation === 'string') return this.#record(found, `, and is left so: ${operation} to restore ${target}`);
    if (!operation) return;
    this.#corrections.set(node.uuid, [...this.#recentCorrections(node.uuid), now()]);
    this.#report(found, operation, `was found ${seen}; restoring ${target} as the power sync policy says`);
    worker.launch(operation);
  }

  async #setMaintenance(found: FoundPower, policy: PowerPolicyName): Promise<void> {
    const { node, seen, expected } = found;
    const why = policy === 'maintenance' ? '' : ` ${correctionsMax} times in an hour`;
    const reason = `Unexpected power change${why}: expected ${expected}, found ${seen}. Find the cause, then unset maintenance.`;
    const written = await this.#write(found, { maintenance: true, maintenance_reason: reason });
    if (!written) return;
    this.#report(found, written, `was found ${seen}; the node is now in maintenance`);
    this.#corrections.delete(node.uuid);
  }

  #mayCorrect(uuid: string): boolean {
    return this.#recentCorrections(uuid).length < correctionsMax;
  }

  #recentCorrections(uuid: string): number[] {
    const since = now() - correctionsWithin;
    return (this.#corrections.get(uuid) ?? []).filter((at) => at > since);
  }

  /**
   * An operation may have begun, or even ended, during the poll: its result takes precedence.
   * @returns the server on the node, which an instance of Ironic's API is not; undefined: not written
   */
  #write(found: FoundPower, more: Partial<Node> = {}): Promise<OfServer | undefined> {
    const { node, seen } = found;
    return this.#parts.store.transaction(async (trx) => {
      const over = await this.#parts.lastErrors.powerErrorOver(trx, node.uuid, seen);
      if (!(await trx.nodes.update(isAsRead(found), { power_state: seen, ...over, ...more }))) return undefined;
      const vm_state = seen === 'power on' ? 'active' : 'stopped';
      const idle = { vm_state: ['active', 'stopped'] as const, task_state: null };
      const server = await serverOn(trx, node);
      if (server) await trx.servers.update({ id: server.id, ...idle }, { vm_state });
      return { server_id: server?.id ?? null };
    });
  }

  #report({ node, expected, seen }: FoundPower, { server_id }: OfServer, message: string): void {
    this.#parts.store.events.append({
      kind: 'power',
      node_uuid: node.uuid,
      server_id,
      subject: seen,
      message,
      data: { before: expected },
    });
  }
}

/**
 * Matches the row only if no operation and no operator (maintenance) has taken the node since it was read, and it still
 * is the same machine.
 */
function isAsRead({ node: { uuid, revision }, expected }: FoundPower) {
  return { uuid, revision, operation_id: null, maintenance: false, power_state: expected };
}
