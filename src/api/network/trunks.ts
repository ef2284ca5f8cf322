/** `/trunks`: a port that carries others by VLAN. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import {
  addSubports,
  createTrunk,
  deleteTrunk,
  type NewTrunk,
  removeSubports,
  type TrunkChanges,
  trunksWithSubports,
  updateTrunk,
  visibleTrunks,
} from '#services/network/trunks.ts';
import { anyOf, type Condition, isAmong, isEqual, isNot, nothing } from '#store/conditions.ts';
import { listTables } from '#store/list-tables.ts';
import type { Subport, Trunk } from '#store/tables/trunks.ts';
import { booleanField, type ListFields, textFields } from '../http/list.ts';
import { viewOf } from '../http/view.ts';
import { fieldsQuery, project, taggedFields } from './list-query.ts';
import { authorize, type NetworkRule, route } from './policy.ts';
import { findRow, resourceOf, resourceRoutes } from './resource.ts';
import { refuseOtherRevision } from './revisions.ts';
import { Description, Name, Owner, taggedView } from './standard-attributes.ts';
import { tagRoutes } from './tag-routes.ts';

const Text = Type.String();
const Uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$' });
const Subports = Type.Array(
  Type.Object(
    {
      port_id: Uuid,
      segmentation_type: Type.Optional(Type.String({ maxLength: 32 })),
      segmentation_id: Type.Optional(Type.Union([Type.Integer(), Type.String({ maxLength: 32 })])),
    },
    { additionalProperties: false },
  ),
  { maxItems: 500 },
);
const Changes = Type.Object(
  { name: Type.Optional(Name), description: Type.Optional(Description), admin_state_up: Type.Optional(Type.Boolean()) },
  { additionalProperties: false },
);

const ShownSubports = Type.Array(Type.Object({ port_id: Text, segmentation_type: Text, segmentation_id: Type.Integer() }));
const shown = ({ port_id, segmentation_type, segmentation_id }: Subport) => ({ port_id, segmentation_type, segmentation_id });

type Item = { readonly trunk: Trunk; readonly isActive: boolean; readonly subports: readonly Subport[] };
const trunkView = viewOf<Item, NetworkRule>()({
  ...taggedView(({ trunk }: Item) => trunk),
  admin_state_up: { type: Type.Boolean(), value: ({ trunk }) => trunk.admin_state_up },
  port_id: { type: Text, value: ({ trunk }) => trunk.port_id },
  status: { type: Text, value: ({ isActive }) => (isActive ? 'ACTIVE' : 'DOWN') },
  sub_ports: { type: ShownSubports, value: ({ subports }) => subports.map(shown) },
});

const active = isAmong('port_id', { table: 'ports', select: 'id', where: [isEqual('status', 'ACTIVE')] });
const byStatus: Readonly<Record<string, Condition>> = { ACTIVE: active, DOWN: isNot(active) };
const trunkFields: ListFields = {
  ...taggedFields,
  ...textFields('port_id'),
  admin_state_up: booleanField('admin_state_up'),
  status: {
    filter: (values) =>
      anyOf(...values.map((value) => (Object.hasOwn(byStatus, value) ? byStatus[value] : undefined) ?? nothing)),
  },
};

export const trunks = resourceOf<Trunk, NewTrunk, TrunkChanges>()({
  noun: 'trunk',
  plural: 'trunks',
  path: 'trunks',
  title: 'a trunk',
  collection: (store) => store.trunks,
  table: listTables.trunks,
  visible: visibleTrunks,
  missing: (id) => new Fault('notFound', { what: 'Trunk', id }),
  fields: trunkFields,
  view: trunkView,
  items: ({ context }, rows) => trunksWithSubports(context.store, rows),
  create: {
    body: Type.Object(
      { ...Changes.properties, ...Owner, port_id: Uuid, sub_ports: Type.Optional(Subports) },
      { additionalProperties: false },
    ),
    run: ({ request, context }, fields) => createTrunk(context, request.caller, fields),
  },
  update: { body: Changes, run: ({ context }, trunk, fields) => updateTrunk(context, trunk, fields) },
  remove: ({ context }, trunk) => deleteTrunk(context, trunk),
});

const changeRoute = (action: 'add_subports' | 'remove_subports', change: typeof addSubports, summary: string) =>
  route({
    method: 'PUT',
    path: `/trunks/:id/${action}` as '/trunks/:id/x',
    policy: action,
    summary,
    body: Type.Object({ sub_ports: Subports }),
    reply: trunkView.schema,
    handler(request, context) {
      return context.store.transaction(async (store) => {
        const call = { request, context: { ...context, store } };
        const { row, target } = await findRow(trunks, call, request.params.id);
        authorize(request, action, target);
        refuseOtherRevision(request, row);
        await change(call.context, request.caller, { trunk: row, wanted: request.body.sub_ports });
        const { row: after } = await findRow(trunks, call, request.params.id);
        const [item] = await trunksWithSubports(store, [after]);
        return trunkView.of(request, context)(item as Item);
      });
    },
  });

export const trunkRoutes = [
  ...resourceRoutes(trunks),
  changeRoute('add_subports', addSubports, 'Add subports to a trunk'),
  changeRoute('remove_subports', removeSubports, 'Remove subports from a trunk'),
  route({
    method: 'GET',
    path: '/trunks/:id/get_subports',
    policy: 'get_subports',
    summary: 'List the subports of a trunk',
    query: fieldsQuery,
    reply: Type.Object({ sub_ports: Type.Optional(ShownSubports) }),
    async handler(request, context) {
      const { row, target } = await findRow(trunks, { request, context }, request.params.id);
      authorize(request, 'get_subports', target);
      const [item] = await trunksWithSubports(context.store, [row]);
      return project({ sub_ports: (item?.subports ?? []).map(shown) }, request.query);
    },
  }),
  ...tagRoutes(trunks),
];
