/** QoS policies: limits and guarantees as facts, which nothing here enforces (neutron/services/qos/qos_plugin.py). */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { QosPolicy } from '#store/tables/qos.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { shareWithAll, unshareWithAll } from './rbac-policies.ts';
import { ownerOf, ownOrShared } from './visibility.ts';

/** Neutron has no limit for them. */
const mostPolicies = 50;

export type QosPolicyChanges = {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly shared?: boolean | undefined;
  readonly is_default?: boolean | undefined;
};
export type NewQosPolicy = QosPolicyChanges & {
  readonly project_id?: string | undefined;
  readonly tenant_id?: string | undefined;
};

export const missingQosPolicy = (id: string): Fault => networkFault('QosPolicyNotFound', `QoS policy ${id} could not be found.`);

/** @throws Fault `forbidden`, `overQuota`, `conflict` if the project has another default */
export async function createQosPolicy({ store }: NetworkContext, caller: Caller, request: NewQosPolicy): Promise<QosPolicy> {
  const project_id = ownerOf(caller, request);
  const { name = '', description = '', shared = false, is_default = false } = request;
  return store.transaction(async (trx) => {
    if ((await trx.qos_policies.count({ project_id })) >= mostPolicies) throw new Fault('overQuota', { what: 'qos_policy' });
    if (is_default) await refuseSecondDefault(trx, project_id);
    const now = new Date().toISOString();
    const row = { id: randomUUID(), name, description, project_id, is_default, created_at: now, updated_at: now };
    const policy = await trx.qos_policies.insert(row);
    if (shared) await shareWithAll(trx, 'qos_policy', policy);
    return policy;
  });
}

async function refuseSecondDefault(trx: Store, project_id: string): Promise<void> {
  if ((await trx.qos_policies.count({ project_id, is_default: true })) > 0)
    throw networkFault('QoSPolicyDefaultAlreadyExists', `A default QoS policy exists for project ${project_id}.`);
}

/** @throws Fault `conflict` if the project has another default, or others use what is no longer to be shared */
export async function updateQosPolicy({ store }: NetworkContext, { id }: QosPolicy, changes: QosPolicyChanges): Promise<void> {
  await store.transaction(async (trx) => {
    const policy = await trx.qos_policies.find({ id });
    if (!policy) throw missingQosPolicy(id);
    const { name = policy.name, description = policy.description, is_default = policy.is_default, shared } = changes;
    if (is_default && !policy.is_default) await refuseSecondDefault(trx, policy.project_id);
    if (shared) await shareWithAll(trx, 'qos_policy', policy);
    if (shared === false) await unshareWithAll(trx, policy);
    await trx.qos_policies.update({ id }, { name, description, is_default, updated_at: new Date().toISOString() });
  });
}

/** @throws Fault `conflict` while something has it */
export async function deleteQosPolicy({ store }: NetworkContext, { id }: QosPolicy): Promise<void> {
  await store.transaction(async (trx) => {
    const one = [['id'], { qos_policy_id: id }, { limit: 1 }] as const;
    const [port] = await trx.ports.pick(...one);
    const [network] = await trx.networks.pick(...one);
    const [floating] = await trx.floating_ips.pick(...one);
    for (const [type, user] of Object.entries({ port, network, fip: floating }))
      if (user) throw networkFault('QosPolicyInUse', `QoS Policy ${id} is used by ${type} ${user.id}.`);
    await trx.rbac_policies.remove({ object_id: id });
    await trx.qos_policies.remove({ id });
  });
}

/** Whether the caller may give it to something. @throws Fault `missing` */
async function requireUsable(trx: Store, caller: Caller, id: string): Promise<void> {
  const visible = ownOrShared('qos_policy', caller);
  const [policy] = await trx.qos_policies.pick(
    ['id'],
    [...visible, { operator: 'oneOf', operand: { column: 'id', values: [id] } }],
  );
  if (!policy) throw missingQosPolicy(id);
}

type Wanted = { readonly qos_policy_id?: string | null | undefined };

/** Of something new. @throws Fault `missing` */
export async function qosPolicyFor(trx: Store, caller: Caller, { qos_policy_id }: Wanted): Promise<string | null> {
  if (!qos_policy_id) return null;
  await requireUsable(trx, caller, qos_policy_id);
  return qos_policy_id;
}

/** Of a new network: that of the request, or the default of its project. @throws Fault `missing` */
export async function qosPolicyForNetwork(trx: Store, caller: Caller, request: Wanted, project_id: string) {
  if (request.qos_policy_id) return qosPolicyFor(trx, caller, request);
  const [byDefault] = await trx.qos_policies.pick(['id'], { project_id, is_default: true });
  return byDefault?.id ?? null;
}

/**
 * What a change makes of the policy that something has. A policy that an administrator set can be removed by those only who
 * may use it.
 * @throws Fault `missing`, `forbidden`
 */
export async function changedQosPolicy(
  trx: Store,
  caller: Caller,
  { current, request: { qos_policy_id: wanted } }: { current: string | null; request: Wanted },
): Promise<string | null> {
  if (wanted === undefined || wanted === current) return current;
  if (current !== null) {
    const visible = ownOrShared('qos_policy', caller);
    const known = await trx.qos_policies.pick(
      ['id'],
      [...visible, { operator: 'oneOf', operand: { column: 'id', values: [current] } }],
    );
    const detail = `Failed to remove provided policy ${current} because you are not authorized.`;
    if (known.length === 0) throw networkFault('PolicyRemoveAuthorizationError', detail);
  }
  return qosPolicyFor(trx, caller, { qos_policy_id: wanted });
}

/** By the id of the network. */
export async function policiesOfNetworks(
  store: Store,
  rows: readonly { readonly network_id: string }[],
): Promise<ReadonlyMap<string, string | null>> {
  const ids = [...new Set(rows.map(({ network_id }) => network_id))];
  const networks = await store.networks.pick(['id', 'qos_policy_id'], { id: ids });
  return new Map(networks.map(({ id, qos_policy_id }) => [id, qos_policy_id]));
}
