/** `/ports/{id}/bindings`: the hosts that a port is bound to. */
import { type Static, Type } from 'typebox';
import {
  activateBinding,
  type Binding,
  bindingsOf,
  createBinding,
  deleteBinding,
  findBinding,
  updateBinding,
} from '#services/network/port-bindings.ts';
import type { Port } from '#store/tables/ports.ts';
import { Maybe } from '../http/schemas.ts';
import { fieldsQuery, project } from './list-query.ts';
import { route } from './policy.ts';
import { Profile, VnicType } from './port-schemas.ts';
import { ports } from './ports.ts';
import { type Call, findRow } from './resource.ts';

const Text = Type.String();
const Filter = Type.Optional(Type.String());
const Host = Type.String({ minLength: 1, maxLength: 255 });
const FreeForm = Type.Object({});
const Shown = Type.Object({
  ...{ host: Text, vif_type: Text, vnic_type: Text, status: Text },
  ...{ profile: FreeForm, vif_details: FreeForm },
});
/** Of a query with `fields`. */
const Parts = Type.Partial(Shown);
const Changes = Type.Object(
  { host: Type.Optional(Host), profile: Maybe(Profile), vnic_type: Type.Optional(VnicType) },
  { additionalProperties: false },
);
const NewBinding = Type.Object(
  { ...Changes.properties, host: Host, project_id: Type.Optional(Type.String({ maxLength: 255 })) },
  { additionalProperties: false },
);

const shownOf = ({ host, status, profile }: Binding): Static<typeof Shown> => ({
  ...{ host, vif_type: 'other', vnic_type: 'baremetal', status },
  ...{ profile, vif_details: { port_filter: false } },
});

/** @throws Fault `notFound` */
const portOf = async (call: Call, id: string) => (await findRow(ports, call, id)).row as Port;

/** In one transaction with the reading of the port. */
function changing<Reply>(
  { request, context }: Call,
  id: string,
  change: (call: Call, port: Port) => Promise<Reply>,
): Promise<Reply> {
  return context.store.transaction(async (store) => {
    const call = { request, context: { ...context, store } };
    return change(call, await portOf(call, id));
  });
}

const filters = ['host', 'vif_type', 'vnic_type', 'status'] as const;

export const portBindingRoutes = [
  route({
    method: 'GET',
    path: '/ports/:id/bindings',
    policy: 'get_port_binding',
    summary: 'List the bindings of a port',
    query: Type.Object({ ...fieldsQuery.properties, host: Filter, vif_type: Filter, vnic_type: Filter, status: Filter }),
    reply: Type.Object({ bindings: Type.Array(Parts) }),
    async handler(request, context) {
      const { query } = request;
      const all = (await bindingsOf(context, await portOf({ request, context }, request.params.id))).map(shownOf);
      const wanted = all.filter((each) => filters.every((name) => query[name] === undefined || query[name] === each[name]));
      return { bindings: wanted.map((each) => project(each, query)) };
    },
  }),
  route({
    method: 'GET',
    path: '/ports/:id/bindings/:host',
    policy: 'get_port_binding',
    summary: 'Show a binding of a port',
    query: fieldsQuery,
    reply: Type.Object({ binding: Parts }),
    async handler(request, context) {
      const port = await portOf({ request, context }, request.params.id);
      return { binding: project(shownOf(await findBinding(context, port, request.params.host)), request.query) };
    },
  }),
  route({
    method: 'POST',
    path: '/ports/:id/bindings',
    policy: 'create_port_binding',
    summary: 'Bind a port to another host',
    status: 201,
    body: Type.Object({ binding: NewBinding }),
    reply: Type.Object({ binding: Shown }),
    handler: (request, context) =>
      changing({ request, context }, request.params.id, async (call, port) => ({
        binding: shownOf(await createBinding(call.context.store, port, request.body.binding)),
      })),
  }),
  route({
    method: 'PUT',
    path: '/ports/:id/bindings/:host',
    policy: 'update_port_binding',
    summary: 'Change a binding of a port',
    body: Type.Object({ binding: Changes }),
    reply: Type.Object({ binding: Shown }),
    handler: (request, context) =>
      changing({ request, context }, request.params.id, async (call, port) => ({
        binding: shownOf(await updateBinding(call.context.store, port, request.params.host, request.body.binding)),
      })),
  }),
  route({
    method: 'PUT',
    path: '/ports/:id/bindings/:host/activate',
    policy: 'activate_port_binding',
    summary: 'Make a binding of a port the active one',
    reply: Shown,
    handler: (request, context) =>
      changing({ request, context }, request.params.id, async (call, port) =>
        shownOf(await activateBinding(call.context.store, port, request.params.host)),
      ),
  }),
  route({
    method: 'DELETE',
    path: '/ports/:id/bindings/:host',
    policy: 'delete_port_binding',
    summary: 'Delete a binding of a port',
    status: 204,
    handler: (request, context) =>
      changing({ request, context }, request.params.id, (call, port) =>
        deleteBinding(call.context.store, port, request.params.host),
      ),
  }),
];
