/** Address groups: lists of addresses that rules of security groups name (neutron/db/address_group_db.py). */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import { bitsOf, formatCidr, parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { AddressGroup } from '#store/tables/address-groups.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { ownerOf } from './visibility.ts';

/** Neutron has no limits for them. */
const mostGroups = 50;
const mostAddresses = 1000;

export type AddressGroupChanges = { readonly name?: string | undefined; readonly description?: string | undefined };
export type NewAddressGroup = AddressGroupChanges & {
  readonly project_id?: string | undefined;
  readonly addresses?: readonly string[] | null | undefined;
};

export const missingAddressGroup = (id: string): Fault =>
  networkFault('AddressGroupNotFound', `Address group ${id} could not be found.`);

/** @throws Fault `badRequest`, `overQuota` */
export async function createAddressGroup(
  { store }: NetworkContext,
  caller: Caller,
  request: NewAddressGroup,
): Promise<AddressGroup> {
  const project_id = ownerOf(caller, request);
  const addresses = normalized(request.addresses ?? []);
  return store.transaction(async (trx) => {
    if ((await trx.address_groups.count({ project_id })) >= mostGroups) throw new Fault('overQuota', { what: 'address_group' });
    const now = new Date().toISOString();
    return trx.address_groups.insert({
      id: randomUUID(),
      name: request.name ?? '',
      project_id,
      description: request.description ?? '',
      addresses,
      created_at: now,
      updated_at: now,
    });
  });
}

/** As Neutron's `validate_subnet_list`. @throws Fault `badRequest` */
function normalized(addresses: readonly string[]): string[] {
  const twice = addresses.find((text, index) => addresses.indexOf(text) < index);
  if (twice !== undefined) throw invalidAddresses(`Duplicate items in the list: '${twice}'`);
  const prefixes = addresses.map((text) => {
    const cidr = parseCidr(text);
    if (cidr) return formatCidr(cidr);
    const address = parseAddress(text);
    if (address)
      throw invalidAddresses(`'${text}' isn't a recognized IP subnet cidr, '${text}/${bitsOf(address.version)}' is recommended`);
    throw invalidAddresses(`'${text}' is not a valid IP subnet`);
  });
  return refuseMany([...new Set(prefixes)]);
}

const invalidAddresses = (reason: string) =>
  new Fault('badRequest', { detail: `Invalid input for addresses. Reason: ${reason}.`, type: 'HTTPBadRequest' });

function refuseMany(addresses: string[]): string[] {
  if (addresses.length <= mostAddresses) return addresses;
  throw new Fault('badRequest', { detail: `An address group can have ${mostAddresses} addresses.` });
}

export async function updateAddressGroup(
  { store }: NetworkContext,
  group: AddressGroup,
  changes: AddressGroupChanges,
): Promise<void> {
  const { name = group.name, description = group.description } = changes;
  await store.address_groups.update({ id: group.id }, { name, description, updated_at: new Date().toISOString() });
}

/** Call in the transaction that has read the group. @throws Fault `badRequest` */
export async function addAddresses({ store }: NetworkContext, group: AddressGroup, addresses: readonly string[]): Promise<void> {
  const wanted = normalized(addresses);
  const known = wanted.filter((address) => group.addresses.includes(address));
  if (known.length > 0)
    throw networkFault('AddressesAlreadyExist', `Addresses ${quoted(known)} already exist in the address group ${group.id}.`);
  const next = refuseMany([...group.addresses, ...wanted]);
  await store.address_groups.update({ id: group.id }, { addresses: next, updated_at: new Date().toISOString() });
}

/** Call in the transaction that has read the group. @throws Fault `missing` */
export async function removeAddresses(
  { store }: NetworkContext,
  group: AddressGroup,
  addresses: readonly string[],
): Promise<void> {
  const named = normalized(addresses);
  const unknown = named.filter((address) => !group.addresses.includes(address));
  if (unknown.length > 0)
    throw networkFault('AddressesNotFound', `Addresses ${quoted(unknown)} not found in the address group ${group.id}.`);
  const next = group.addresses.filter((address) => !named.includes(address));
  await store.address_groups.update({ id: group.id }, { addresses: next, updated_at: new Date().toISOString() });
}

const quoted = (addresses: readonly string[]) => `[${addresses.map((address) => `'${address}'`).join(', ')}]`;

/** @throws Fault `conflict` while a rule names it */
export async function deleteAddressGroup({ store }: NetworkContext, { id }: AddressGroup): Promise<void> {
  await store.transaction(async (trx) => {
    if ((await trx.security_group_rules.count({ remote_address_group_id: id })) > 0)
      throw networkFault('AddressGroupInUse', `Address group ${id} is in use on one or more security group rules.`);
    await trx.rbac_policies.remove({ object_id: id });
    await trx.address_groups.remove({ id });
  });
}
