/** RBAC policies: access to what another project owns (neutron/db/rbac_db_mixin.py, neutron/objects/rbac_db.py). */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { whereUnique } from '#store/collection.ts';
import { type Condition, hasItem, isEqual } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import { type RbacPolicy, type SharedType, sharedTypes } from '#store/tables/rbac-policies.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { refuseOver } from './quotas.ts';
import { gatewayOwner } from './router-ports.ts';
import { ownerOf } from './visibility.ts';

export type NewPolicy = {
  readonly object_type: string;
  readonly object_id: string;
  readonly action: string;
  readonly target_tenant?: string | undefined;
  readonly target_project?: string | undefined;
  readonly project_id?: string | undefined;
  readonly tenant_id?: string | undefined;
};
export type PolicyChanges = Pick<NewPolicy, 'target_tenant' | 'target_project'>;

export function visiblePolicies(caller: Caller): Condition[] {
  return caller.is_admin ? [] : [isEqual('project_id', caller.project_id)];
}

export const missingPolicy = (id: string): Fault =>
  networkFault('RbacPolicyNotFound', `RBAC policy of type unknown with ID ${id} not found`);

type Shared = { readonly id: string; readonly project_id: string };
type TypeFacts = {
  readonly find: (store: Store, id: string) => Promise<Shared | undefined>;
  readonly actions: readonly string[];
  /** The projects that use it by an action. */
  readonly users: (store: Store, id: string, action: RbacPolicy['action']) => Promise<readonly string[]>;
};

const projectsOf = (rows: readonly { project_id: string }[]) => rows.map(({ project_id }) => project_id);

const typeTable: Readonly<Record<SharedType, TypeFacts>> = {
  network: {
    find: (store, id) => store.networks.find({ id }),
    actions: ['access_as_shared', 'access_as_external'],
    async users(store, network_id, action) {
      if (action === 'access_as_external') return usersOfExternal(store, network_id);
      const subnets = await store.subnets.pick(['project_id'], { network_id });
      return [...projectsOf(await store.ports.pick(['project_id'], { network_id })), ...projectsOf(subnets)];
    },
  },
  security_group: {
    find: (store, id) => store.security_groups.find({ id }),
    actions: ['access_as_shared'],
    async users(store, id) {
      const rules = await store.security_group_rules.pick(['project_id'], { remote_group_id: id });
      return [...projectsOf(await store.ports.pick(['project_id'], [hasItem('security_groups', [id])])), ...projectsOf(rules)];
    },
  },
  address_group: {
    find: (store, id) => store.address_groups.find({ id }),
    actions: ['access_as_shared'],
    users: async (store, id) =>
      projectsOf(await store.security_group_rules.pick(['project_id'], { remote_address_group_id: id })),
  },
  address_scope: {
    find: (store, id) => store.address_scopes.find({ id }),
    actions: ['access_as_shared'],
    users: async (store, address_scope_id) => projectsOf(await store.subnet_pools.pick(['project_id'], { address_scope_id })),
  },
  subnetpool: {
    find: (store, id) => store.subnet_pools.find({ id }),
    actions: ['access_as_shared'],
    users: async (store, subnetpool_id) => projectsOf(await store.subnets.pick(['project_id'], { subnetpool_id })),
  },
  qos_policy: {
    find: (store, id) => store.qos_policies.find({ id }),
    actions: ['access_as_shared'],
    async users(store, qos_policy_id) {
      const where = { qos_policy_id };
      const [networks, ports] = [await store.networks.pick(['project_id'], where), await store.ports.pick(['project_id'], where)];
      return projectsOf([...networks, ...ports, ...(await store.floating_ips.pick(['project_id'], where))]);
    },
  },
};

/** Those whose routers and floating IPs have addresses of it: the ports belong to no project. */
async function usersOfExternal(store: Store, network_id: string): Promise<string[]> {
  const ports = await store.ports.pick(['id'], { network_id, device_owner: gatewayOwner });
  const links = await store.router_ports.pick(['router_id'], { port_id: ports.map(({ id }) => id), kind: 'gateway' });
  const routers = await store.routers.pick(['project_id'], { id: links.map(({ router_id }) => router_id) });
  return projectsOf([...routers, ...(await store.floating_ips.pick(['project_id'], { floating_network_id: network_id }))]);
}

/** @throws Fault `invalidInput`, `notFound`, `conflict`, `overQuota` */
export async function createPolicy({ store }: NetworkContext, caller: Caller, request: NewPolicy): Promise<RbacPolicy> {
  const object_type = typeOf(request.object_type);
  const target_project = targetIn(request);
  const project_id = ownerOf(caller, request);
  return store.transaction(async (trx) => {
    await ownObject(trx, caller, { object_type, object_id: request.object_id });
    if (!typeTable[object_type].actions.includes(request.action))
      throw networkFault(
        'InvalidActionForType',
        `Invalid action '${request.action}' for object type '${object_type}'. Valid actions: ${typeTable[object_type].actions.join(', ')}`,
      );
    if (object_type === 'subnetpool') await refuseWithoutScope(trx, request.object_id, target_project);
    await refuseOver(trx, 'rbac_policy', { project_id });
    const action = request.action as RbacPolicy['action'];
    const policy = await insertPolicy(trx, { object_type, object_id: request.object_id, action, target_project, project_id });
    await mirror(trx, policy);
    return policy;
  });
}

/** Who is to use a pool must have access to its scope (neutron/objects/subnetpool.py). @throws Fault `invalidInput` */
async function refuseWithoutScope(trx: Store, object_id: string, target_project: string): Promise<void> {
  const scope = (await trx.subnet_pools.find({ id: object_id }))?.address_scope_id;
  if (!scope || (await trx.rbac_policies.count({ object_id: scope, target_project: ['*', target_project] })) > 0) return;
  const reason = "target project doesn't have access to associated address scope.";
  throw invalid(`Failed to create RBAC policy on object ${object_id} because ${reason}`);
}

function typeOf(text: string): SharedType {
  const type = sharedTypes.find((each) => each === text.trim().toLowerCase());
  if (type) return type;
  throw invalid(`'${text}' is not a valid RBAC object type`);
}

const invalid = (detail: string) => new Fault('invalidInput', { detail });

/** A project that was deleted, or is not known yet, can be a target, as in Neutron. */
function targetIn({ target_tenant, target_project }: PolicyChanges): string {
  const target = target_project ?? target_tenant ?? '';
  if (target === '*' || /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(target)) return target;
  throw invalid(`'${target}' is not a valid target project ID; expected a UUID or '*'`);
}

/** Who does not see the object is told that there is none. @throws Fault `notFound`, `invalidInput` */
async function ownObject(trx: Store, caller: Caller, { object_type, object_id }: Pick<RbacPolicy, 'object_type' | 'object_id'>) {
  const object = await typeTable[object_type].find(trx, object_id);
  const isOwn = caller.is_admin || object?.project_id === caller.project_id;
  if (object && isOwn) return object;
  const isSeen = object && (await trx.rbac_policies.sharedAmong([object_id], caller.project_id)).has(object_id);
  if (isSeen) throw invalid('Only admins can manipulate policies on objects they do not own');
  throw new Fault('notFound', { what: 'Object', id: object_id });
}

type NewRow = Pick<RbacPolicy, 'object_type' | 'object_id' | 'action' | 'target_project' | 'project_id'>;

function insertPolicy(trx: Store, row: NewRow): Promise<RbacPolicy> {
  const now = new Date().toISOString();
  const record = { ...row, id: randomUUID(), description: '', created_at: now, updated_at: now };
  return whereUnique(trx.rbac_policies.insert(record), duplicate);
}

const duplicate = () => networkFault('DuplicateRbacPolicy', 'An RBAC policy already exists with those values.');

/** A network's row says, too, whether all projects may use it, and whether it is external. */
async function mirror(trx: Store, { object_type, object_id }: RbacPolicy): Promise<void> {
  if (object_type !== 'network') return;
  const policies = await trx.rbac_policies.list({ object_id });
  const shared = policies.some(({ action, target_project }) => action === 'access_as_shared' && target_project === '*');
  const external = policies.some(({ action }) => action === 'access_as_external');
  await trx.networks.update({ id: object_id }, { shared, external });
}

/** @throws Fault `invalidInput`, `conflict` while a project that would lose its access uses the object */
export async function updatePolicy({ store }: NetworkContext, caller: Caller, policy: RbacPolicy, changes: PolicyChanges) {
  if (changes.target_project === undefined && changes.target_tenant === undefined) return;
  const target_project = targetIn(changes);
  if (target_project === policy.target_project) return;
  await store.transaction(async (trx) => {
    await ownObject(trx, caller, policy);
    if (target_project !== '*') await refuseLoss(trx, policy, target_project);
    const changed = { target_project, updated_at: new Date().toISOString() };
    await whereUnique(trx.rbac_policies.update({ id: policy.id }, changed), duplicate);
    await mirror(trx, policy);
  });
}

/** @throws Fault `conflict` while a project that would lose its access uses the object */
export async function deletePolicy({ store }: NetworkContext, policy: RbacPolicy): Promise<void> {
  await store.transaction(async (trx) => {
    await refuseLoss(trx, policy);
    await trx.rbac_policies.remove({ id: policy.id });
    await mirror(trx, policy);
  });
}

/** @param gains the project that gets the access instead */
async function refuseLoss(trx: Store, policy: RbacPolicy, gains?: string): Promise<void> {
  if (!(await isNeeded(trx, policy, gains))) return;
  const { object_id, target_project, action } = policy;
  const details =
    action === 'access_as_external'
      ? 'There are routers attached to this network that depend on this policy for access.'
      : `project_id=${target_project}`;
  throw networkFault(
    'RbacPolicyInUse',
    `RBAC policy on object ${object_id} cannot be removed because other objects depend on it.\nDetails: ${details}`,
  );
}

/** A project uses the object that would lose its access. */
async function isNeeded(trx: Store, policy: RbacPolicy, gains?: string): Promise<boolean> {
  const { id, object_type, object_id, action, target_project } = policy;
  const { find, users } = typeTable[object_type];
  // Without a policy, a network is not external for its owner either.
  const owner = action === 'access_as_shared' ? (await find(trx, object_id))?.project_id : undefined;
  const others = await trx.rbac_policies.list({ object_id, action });
  const left = new Set([owner, gains, ...others.filter((other) => other.id !== id).map((other) => other.target_project)]);
  if (left.has('*')) return false;
  const projects = (await users(trx, object_id, action)).filter((project) => project !== '');
  const losing = projects.filter((project) => target_project === '*' || project === target_project);
  return losing.some((project) => !left.has(project));
}

/** What the field `shared` of a new resource says, as a policy. Call in the transaction that writes it. */
export async function shareWithAll(trx: Store, object_type: SharedType, { id, project_id }: Shared): Promise<void> {
  const policy = { object_id: id, action: 'access_as_shared', target_project: '*' } as const;
  if (!(await trx.rbac_policies.find(policy))) await insertPolicy(trx, { ...policy, object_type, project_id });
}

/** The reverse, for types whose field says so. @throws Fault `conflict` while others use the resource */
export async function unshareWithAll(trx: Store, { id }: Shared): Promise<void> {
  const known = await trx.rbac_policies.find({ object_id: id, action: 'access_as_shared', target_project: '*' });
  if (!known) return;
  await refuseLoss(trx, known);
  await trx.rbac_policies.remove({ id: known.id });
}

function sharedSetting(id: string): Fault {
  const detail = `Unable to reconfigure sharing settings for network ${id}. Multiple projects are using it.`;
  return networkFault('InvalidSharedSetting', detail);
}

type Access = { readonly shared?: boolean; readonly external?: boolean };

/**
 * What the fields `shared` and `router:external` of a network say, as policies. Call in the transaction that writes them.
 * @param access those that are set
 */
export async function writeNetworkAccess(trx: Store, network: Shared, access: Access): Promise<void> {
  for (const [action, isWanted] of [
    ['access_as_shared', access.shared],
    ['access_as_external', access.external],
  ] as const) {
    if (isWanted === undefined) continue;
    const all = { object_id: network.id, action } as const;
    const policy = { ...all, target_project: '*' } as const;
    const known = await trx.rbac_policies.find(policy);
    if (isWanted && !known) await insertPolicy(trx, { ...policy, object_type: 'network', project_id: network.project_id });
    if (isWanted) continue;
    if (known && (await isNeeded(trx, known))) throw sharedSetting(network.id);
    // What is not external is so for no project.
    await trx.rbac_policies.remove(action === 'access_as_external' ? all : policy);
  }
}
