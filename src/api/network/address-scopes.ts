/** `/address-scopes`: where subnet pools must not overlap. */
import { Type } from 'typebox';
import {
  type AddressScopeChanges,
  createAddressScope,
  deleteAddressScope,
  missingAddressScope,
  type NewAddressScope,
  updateAddressScope,
} from '#services/network/address-scopes.ts';
import { asSeenBy, ownOrShared } from '#services/network/visibility.ts';
import { listTables } from '#store/list-tables.ts';
import type { AddressScope } from '#store/tables/address-scopes.ts';
import { integerField, type ListFields, textField, textFields } from '../http/list.ts';
import { viewOf } from '../http/view.ts';
import { sharedField } from './list-query.ts';
import type { NetworkRule } from './policy.ts';
import { resourceOf, resourceRoutes, sharedTargets } from './resource.ts';
import { Name, Owner } from './standard-attributes.ts';

const Text = Type.String();

const addressScopeView = viewOf<AddressScope & { readonly shared: boolean }, NetworkRule>()({
  id: { type: Text, value: ({ id }) => id },
  name: { type: Text, value: ({ name }) => name },
  project_id: { type: Text, value: ({ project_id }) => project_id },
  tenant_id: { type: Text, value: ({ project_id }) => project_id },
  shared: { type: Type.Boolean(), value: ({ shared }) => shared },
  ip_version: { type: Type.Integer(), value: ({ ip_version }) => ip_version },
});

const Changes = Type.Object(
  { name: Type.Optional(Name), shared: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
);
const NewScope = Type.Object(
  { ...Changes.properties, ...Owner, ip_version: Type.Union([Type.Literal(4), Type.Literal(6)]) },
  { additionalProperties: false },
);

const fieldsFor = (project_id: string): ListFields => ({
  ...textFields('id', 'name', 'project_id'),
  tenant_id: textField('project_id'),
  ip_version: integerField('ip_version'),
  shared: sharedField('address_scope', project_id),
});

export const addressScopes = resourceOf<AddressScope, NewAddressScope, AddressScopeChanges>()({
  noun: 'address_scope',
  plural: 'address_scopes',
  path: 'address-scopes',
  title: 'an address scope',
  collection: (store) => store.address_scopes,
  table: listTables.address_scopes,
  visible: (caller) => ownOrShared('address_scope', caller),
  missing: missingAddressScope,
  fields: fieldsFor(''),
  fieldsFor: ({ caller }) => fieldsFor(caller.project_id),
  view: addressScopeView,
  items: ({ request, context }, rows) => asSeenBy(context.store, request.caller, rows),
  targets: sharedTargets,
  create: {
    body: NewScope,
    defaults: { shared: false },
    run: ({ request, context }, fields) => createAddressScope(context, request.caller, fields),
  },
  update: {
    body: Changes,
    run: ({ context }, scope, fields) => updateAddressScope(context, scope, fields),
  },
  remove: ({ context }, scope) => deleteAddressScope(context, scope),
});

export const addressScopeRoutes = resourceRoutes(addressScopes);
