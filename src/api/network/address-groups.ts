/** `/address-groups`: lists of addresses for rules of security groups. */
import { Type } from 'typebox';
import {
  type AddressGroupChanges,
  addAddresses,
  createAddressGroup,
  deleteAddressGroup,
  missingAddressGroup,
  type NewAddressGroup,
  removeAddresses,
  updateAddressGroup,
} from '#services/network/address-groups.ts';
import { ownOrShared } from '#services/network/visibility.ts';
import { listTables } from '#store/list-tables.ts';
import type { AddressGroup } from '#store/tables/address-groups.ts';
import { textFields } from '../http/list.ts';
import { Maybe } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { authorize, type NetworkRule, route } from './policy.ts';
import { findRow, resourceOf, resourceRoutes, sharedTargets } from './resource.ts';
import { Description, Name, Owner } from './standard-attributes.ts';

const Text = Type.String();
const Addresses = Type.Array(Type.String({ maxLength: 255 }), { maxItems: 1000 });

const addressGroupView = viewOf<AddressGroup, NetworkRule>()({
  id: { type: Text, value: ({ id }) => id },
  project_id: { type: Text, value: ({ project_id }) => project_id },
  tenant_id: { type: Text, value: ({ project_id }) => project_id },
  description: { type: Text, value: ({ description }) => description },
  name: { type: Text, value: ({ name }) => name },
  addresses: { type: Type.Array(Text), value: ({ addresses }) => addresses },
});

const Changes = Type.Object(
  { name: Type.Optional(Name), description: Type.Optional(Description) },
  { additionalProperties: false },
);

export const addressGroups = resourceOf<AddressGroup, NewAddressGroup, AddressGroupChanges>()({
  noun: 'address_group',
  plural: 'address_groups',
  path: 'address-groups',
  title: 'an address group',
  collection: (store) => store.address_groups,
  table: listTables.address_groups,
  visible: (caller) => ownOrShared('address_group', caller),
  missing: missingAddressGroup,
  fields: textFields('id', 'name', 'description', 'project_id'),
  view: addressGroupView,
  items: async (_, rows) => rows,
  targets: sharedTargets,
  create: {
    body: Type.Object({ ...Changes.properties, ...Owner, addresses: Maybe(Addresses) }, { additionalProperties: false }),
    run: ({ request, context }, fields) => createAddressGroup(context, request.caller, fields),
  },
  update: {
    body: Changes,
    run: ({ context }, group, fields) => updateAddressGroup(context, group, fields),
  },
  remove: ({ context }, group) => deleteAddressGroup(context, group),
});

const changeRoute = (action: 'add_addresses' | 'remove_addresses', change: typeof addAddresses, summary: string) =>
  route({
    method: 'PUT',
    path: `/address-groups/:id/${action}` as '/address-groups/:id/x',
    policy: action,
    summary,
    body: Type.Object({ addresses: Addresses }),
    reply: Type.Object({ address_group: addressGroupView.schema }),
    handler(request, context) {
      return context.store.transaction(async (store) => {
        const call = { request, context: { ...context, store } };
        const { row, target } = await findRow(addressGroups, call, request.params.id);
        authorize(request, action, target);
        await change(call.context, row, request.body.addresses);
        const { row: after } = await findRow(addressGroups, call, request.params.id);
        return { address_group: addressGroupView.of(request, context)(after) };
      });
    },
  });

export const addressGroupRoutes = [
  ...resourceRoutes(addressGroups),
  changeRoute('add_addresses', addAddresses, 'Add addresses to an address group'),
  changeRoute('remove_addresses', removeAddresses, 'Remove addresses from an address group'),
];
