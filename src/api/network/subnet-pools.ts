/** `/subnetpools`: prefixes from which subnets get theirs. */
import { type Static, Type } from 'typebox';
import { mostPrefixes } from '#services/network/subnet-pool-plan.ts';
import {
  addPrefixes,
  createPool,
  deletePool,
  missingPool,
  type NewPool,
  type PoolChanges,
  removePrefixes,
  updatePool,
} from '#services/network/subnet-pools.ts';
import { asSeenBy, ownOrShared } from '#services/network/visibility.ts';
import { listTables } from '#store/list-tables.ts';
import type { SubnetPool } from '#store/tables/subnet-pools.ts';
import { booleanField, integerField, type ListFields, nullableField } from '../http/list.ts';
import { Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { sharedField, taggedFields } from './list-query.ts';
import { authorize, type NetworkRule, route } from './policy.ts';
import { type Call, findRow, resourceOf, resourceRoutes, sharedTargets } from './resource.ts';
import { Description, Name, Owner, PrefixLength, taggedView } from './standard-attributes.ts';
import { tagRoutes } from './tag-routes.ts';

const Text = Type.String();

/** Lengths of prefixes are texts, as Neutron shows them. */
const poolView = viewOf<SubnetPool & { readonly shared: boolean }, NetworkRule>()({
  ...taggedView((pool: SubnetPool) => pool),
  prefixes: { type: Type.Array(Text), value: ({ prefixes }) => prefixes },
  ip_version: { type: Type.Integer(), value: ({ ip_version }) => ip_version },
  min_prefixlen: { type: Text, value: ({ min_prefixlen }) => String(min_prefixlen) },
  max_prefixlen: { type: Text, value: ({ max_prefixlen }) => String(max_prefixlen) },
  default_prefixlen: { type: Text, value: ({ default_prefixlen }) => String(default_prefixlen) },
  default_quota: { type: Nullable(Type.Integer()), value: ({ default_quota }) => default_quota },
  address_scope_id: { type: Nullable(Text), value: ({ address_scope_id }) => address_scope_id },
  is_default: { type: Type.Boolean(), value: ({ is_default }) => is_default },
  shared: { type: Type.Boolean(), value: ({ shared }) => shared },
});

const Prefixes = Type.Array(Type.String({ maxLength: 64 }), { maxItems: mostPrefixes, uniqueItems: true });
const PoolName = Type.String({ ...Name, pattern: '\\S' });
/** Of the column. */
const Quota = Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 });
const Changes = Type.Object(
  {
    name: Type.Optional(PoolName),
    description: Type.Optional(Description),
    prefixes: Type.Optional(Prefixes),
    min_prefixlen: Type.Optional(PrefixLength),
    max_prefixlen: Type.Optional(PrefixLength),
    default_prefixlen: Type.Optional(PrefixLength),
    default_quota: Type.Optional(Quota),
    address_scope_id: Type.Optional(Nullable(Type.String({ maxLength: 36 }))),
    is_default: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
const Pool = Type.Object(
  { ...Changes.properties, ...Owner, name: PoolName, prefixes: Prefixes, shared: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
);

const fieldsFor = (project_id: string): ListFields => ({
  ...taggedFields,
  ip_version: integerField('ip_version'),
  min_prefixlen: integerField('min_prefixlen'),
  max_prefixlen: integerField('max_prefixlen'),
  default_prefixlen: integerField('default_prefixlen'),
  default_quota: integerField('default_quota'),
  address_scope_id: nullableField('address_scope_id'),
  is_default: booleanField('is_default'),
  shared: sharedField('subnetpool', project_id),
});

export const subnetPools = resourceOf<SubnetPool, NewPool, PoolChanges>()({
  noun: 'subnetpool',
  plural: 'subnetpools',
  path: 'subnetpools',
  title: 'a subnet pool',
  collection: (store) => store.subnet_pools,
  table: listTables.subnet_pools,
  visible: (caller) => ownOrShared('subnetpool', caller),
  missing: missingPool,
  fields: fieldsFor(''),
  fieldsFor: ({ caller }) => fieldsFor(caller.project_id),
  view: poolView,
  items: ({ request, context }, rows) => asSeenBy(context.store, request.caller, rows),
  targets: sharedTargets,
  create: {
    body: Pool,
    defaults: { shared: false, is_default: false },
    run: ({ request, context }, fields) => createPool(context, request.caller, fields),
  },
  update: {
    body: Changes,
    changes: changesOf,
    run: ({ request, context }, pool, fields) => updatePool(context, request.caller, pool, fields),
  },
  remove: ({ context }, pool) => deletePool(context, pool),
});

/** Clients send `is_default` back as they have read it. */
function changesOf({ is_default }: SubnetPool, fields: PoolChanges): PoolChanges {
  const { is_default: wanted, ...others } = fields;
  return wanted === undefined || wanted === is_default ? others : { ...others, is_default: wanted };
}

type Change = (call: Call, pool: SubnetPool, prefixes: Static<typeof Prefixes>) => Promise<void>;

const prefixRoute = (action: 'add_prefixes' | 'remove_prefixes', summary: string, change: Change) =>
  route({
    method: 'PUT',
    path: `/subnetpools/:id/${action}` as '/subnetpools/:id/x',
    policy: action,
    summary,
    body: Type.Object({ prefixes: Type.Array(Prefixes.items, { minItems: 1, maxItems: mostPrefixes }) }),
    reply: Type.Object({ prefixes: Type.Array(Text) }),
    handler(request, context) {
      return context.store.transaction(async (store) => {
        const call = { request, context: { ...context, store } };
        const { row, target } = await findRow(subnetPools, call, request.params.id);
        authorize(request, action, target);
        await change(call, row as SubnetPool, request.body.prefixes);
        const { row: after } = await findRow(subnetPools, call, request.params.id);
        return { prefixes: (after as SubnetPool).prefixes };
      });
    },
  });

export const subnetPoolRoutes = [
  ...resourceRoutes(subnetPools),
  ...tagRoutes(subnetPools),
  prefixRoute('add_prefixes', 'Add prefixes to a subnet pool', ({ request, context }, pool, prefixes) =>
    addPrefixes(context, request.caller, pool, prefixes),
  ),
  prefixRoute('remove_prefixes', 'Remove prefixes from a subnet pool', ({ context }, pool, prefixes) =>
    removePrefixes(context, pool, prefixes),
  ),
];
