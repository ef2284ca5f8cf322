/** Address scopes: where subnet pools must not overlap (neutron/db/address_scope_db.py). */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { AddressScope } from '#store/tables/address-scopes.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { shareWithAll } from './rbac-policies.ts';
import { ownerOf } from './visibility.ts';

/** Neutron has no limit for them. */
const mostScopes = 50;

export type AddressScopeChanges = { readonly name?: string | undefined; readonly shared?: boolean | undefined };
export type NewAddressScope = AddressScopeChanges & {
  readonly ip_version: 4 | 6;
  readonly project_id?: string | undefined;
  readonly tenant_id?: string | undefined;
};

export const missingAddressScope = (id: string): Fault =>
  networkFault('AddressScopeNotFound', `Address scope ${id} could not be found.`);

/** @throws Fault `forbidden`, `overQuota` */
export async function createAddressScope({ store }: NetworkContext, caller: Caller, request: NewAddressScope) {
  const project_id = ownerOf(caller, request);
  const { name = '', ip_version, shared = false } = request;
  return store.transaction(async (trx) => {
    if ((await trx.address_scopes.count({ project_id })) >= mostScopes) throw new Fault('overQuota', { what: 'address_scope' });
    const now = new Date().toISOString();
    const row = { id: randomUUID(), name, project_id, ip_version, description: '', created_at: now, updated_at: now };
    const scope = await trx.address_scopes.insert(row);
    if (shared) await shareWithAll(trx, 'address_scope', scope);
    return scope;
  });
}

/** @throws Fault `badRequest` for one that is no longer to be shared */
export async function updateAddressScope(
  { store }: NetworkContext,
  scope: AddressScope,
  changes: AddressScopeChanges,
): Promise<void> {
  const { name = scope.name, shared } = changes;
  await store.transaction(async (trx) => {
    const isShared = (await trx.rbac_policies.count({ object_id: scope.id, target_project: '*' })) > 0;
    if (isShared && shared === false)
      throw networkFault(
        'AddressScopeUpdateError',
        `Unable to update address scope ${scope.id} : Shared address scope can't be unshared.`,
      );
    if (shared) await shareWithAll(trx, 'address_scope', scope);
    await trx.address_scopes.update({ id: scope.id }, { name, updated_at: new Date().toISOString() });
  });
}

/** @throws Fault `conflict` while a subnet pool is in it */
export async function deleteAddressScope({ store }: NetworkContext, { id }: AddressScope): Promise<void> {
  await store.transaction(async (trx) => {
    if ((await trx.subnet_pools.count({ address_scope_id: id })) > 0)
      throw networkFault(
        'AddressScopeInUse',
        `Unable to complete operation on address scope ${id}. There are one or more subnet pools in use on the address scope.`,
      );
    await trx.rbac_policies.remove({ object_id: id });
    await trx.address_scopes.remove({ id });
  });
}
