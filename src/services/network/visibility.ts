/** Which networks, subnets and ports a caller may see. Records that it may not see do not exist for it: 404. */
import { Fault } from '#domain/faults.ts';
import { anyOf, type Condition, isAmong, isEqual } from '#store/conditions.ts';
import type { Network } from '#store/tables/networks.ts';
import { isSharedWith, isShownTo, type SharedType } from '#store/tables/rbac-policies.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';

type Reader = Pick<NetworkContext, 'store'>;

/** The networks of its project, those shared with it and external ones. */
export function visibleNetworks(caller: Caller): Condition[] {
  const { is_admin, project_id } = caller;
  return is_admin ? [] : [anyOf(isEqual('project_id', project_id), isShownTo('network', project_id))];
}

/** A subnet is visible if its network is. */
export function visibleSubnets(caller: Caller): Condition[] {
  const { is_admin, project_id } = caller;
  const shared = isAmong('network_id', { table: 'networks', select: 'id', where: [isShownTo('network', project_id)] });
  return is_admin ? [] : [anyOf(isEqual('project_id', project_id), shared)];
}

export function visiblePorts(caller: Caller): Condition[] {
  return caller.is_admin ? [] : [isEqual('project_id', caller.project_id)];
}

/** The resources of its project and those shared with it. */
export function ownOrShared(object_type: SharedType, { is_admin, project_id }: Caller): Condition[] {
  return is_admin ? [] : [anyOf(isEqual('project_id', project_id), isSharedWith(object_type, project_id))];
}

/** @throws Fault `notFound` */
export async function findNetwork({ store }: Reader, caller: Caller, id: string): Promise<Network> {
  const [network] = await store.networks.list([...visibleNetworks(caller), isEqual('id', id)]);
  if (!network) throw new Fault('notFound', { what: 'Network', id });
  const [seen] = await asSeenBy(store, caller, [network]);
  return seen ?? network;
}

/** `shared` says whether they are shared with the caller's project. */
export async function asSeenBy<Row extends { readonly id: string }>(
  store: NetworkContext['store'],
  { project_id }: Caller,
  rows: readonly Row[],
): Promise<(Row & { readonly shared: boolean })[]> {
  const shared = await store.rbac_policies.sharedAmong(
    rows.map(({ id }) => id),
    project_id,
  );
  return rows.map((row) => ({ ...row, shared: shared.has(row.id) }));
}

type Owner = { project_id?: string | undefined; tenant_id?: string | undefined };

/** The project of a new record: the caller's, or any other for administrators. @throws Fault `badRequest`, as in Neutron */
export function ownerOf(caller: Caller, { project_id, tenant_id }: Owner): string {
  const wanted = project_id ?? tenant_id ?? caller.project_id;
  if (wanted !== caller.project_id && !caller.is_admin)
    throw new Fault('badRequest', {
      detail:
        "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin or advsvc privileges",
      type: 'HTTPBadRequest',
    });
  return wanted;
}
