/** `/routers`: routers, their gateways, interfaces and routes. */
import { type Static, Type } from 'typebox';
import { addInterface, type Interface, removeInterface } from '#services/network/router-interfaces.ts';
import { mostRoutes, routesWith, routesWithout } from '#services/network/router-routes.ts';
import {
  createRouter,
  deleteRouter,
  missingRouter,
  type RouterWithGateway,
  updateRouter,
  visibleOfProject,
  withGateways,
} from '#services/network/routers.ts';
import { listTables } from '#store/list-tables.ts';
import type { Router } from '#store/tables/routers.ts';
import { booleanField, fixedField, type ListFields } from '../http/list.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { taggedFields } from './list-query.ts';
import { authorize, type NetworkRule, route } from './policy.ts';
import { type Call, findRow, resourceOf, resourceRoutes } from './resource.ts';
import { refuseOtherRevision } from './revisions.ts';
import { Description, Name, Owner, taggedView } from './standard-attributes.ts';
import { tagRoutes } from './tag-routes.ts';

const Text = Type.String();
const Id = Type.String({ maxLength: 255 });
const FixedIp = Type.Object(
  { subnet_id: Type.Optional(Id), ip_address: Type.Optional(Type.String({ maxLength: 64 })) },
  { additionalProperties: false },
);
const Gateway = Type.Object(
  {
    network_id: Type.Optional(Id),
    enable_snat: Type.Optional(Type.Boolean()),
    external_fixed_ips: Type.Optional(Type.Array(FixedIp, { maxItems: 16 })),
  },
  { additionalProperties: false },
);
const Route = Type.Object(
  { destination: Type.String({ maxLength: 64 }), nexthop: Type.String({ maxLength: 64 }) },
  { additionalProperties: false },
);
const Routes = Type.Array(Route, { maxItems: 2 * mostRoutes });
const Changes = Type.Object(
  {
    name: Type.Optional(Name),
    description: Type.Optional(Description),
    admin_state_up: Type.Optional(Type.Boolean()),
    external_gateway_info: Maybe(Gateway),
    routes: Type.Optional(Routes),
    ha: Maybe(Type.Boolean()),
    distributed: Maybe(Type.Boolean()),
  },
  { additionalProperties: false },
);
const { routes: _, ...creatable } = Changes.properties;
const Hints = Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 10 }));
const NewRouter = Type.Object({ ...creatable, ...Owner, availability_zone_hints: Hints }, { additionalProperties: false });

const routerView = viewOf<RouterWithGateway, NetworkRule>()({
  ...taggedView(({ router }: RouterWithGateway) => router),
  admin_state_up: { type: Type.Boolean(), value: ({ router }) => router.admin_state_up },
  status: { type: Text, value: ({ router }) => router.status },
  external_gateway_info: {
    type: Nullable(
      Type.Object({
        network_id: Text,
        enable_snat: Type.Boolean(),
        external_fixed_ips: Type.Array(Type.Object({ subnet_id: Text, ip_address: Text })),
      }),
    ),
    value: ({ router, gateway }) =>
      gateway ? { network_id: gateway.network_id, enable_snat: router.enable_snat, external_fixed_ips: gateway.fixed_ips } : null,
  },
  routes: { type: Type.Array(Type.Object({ destination: Text, nexthop: Text })), value: ({ router }) => router.routes },
  availability_zone_hints: { type: Type.Array(Text), value: ({ router }) => router.availability_zone_hints },
  availability_zones: { type: Type.Array(Text), value: ({ availability_zones }) => [...availability_zones] },
  ha: { type: Type.Boolean(), policy: 'get_router:ha', value: () => false },
});

const routerFields: ListFields = {
  ...taggedFields,
  admin_state_up: booleanField('admin_state_up'),
  ha: fixedField(false),
};

export const routers = resourceOf<Router, Static<typeof NewRouter>, Static<typeof Changes>>()({
  noun: 'router',
  plural: 'routers',
  path: 'routers',
  title: 'a router',
  collection: (store) => store.routers,
  table: listTables.routers,
  visible: visibleOfProject,
  missing: missingRouter,
  fields: routerFields,
  view: routerView,
  items: ({ context }, rows) => withGateways(context.store, rows),
  create: {
    body: NewRouter,
    defaults: { external_gateway_info: null, ha: null, distributed: null },
    run: ({ request, context }, fields) => createRouter(context, request.caller, fields),
  },
  update: {
    body: Changes,
    run: ({ request, context }, row, fields) => updateRouter(context, request.caller, { row, request: fields }),
  },
  remove: ({ request, context }, router) => deleteRouter(context, request.caller, router),
});

const InterfaceBody = Type.Object({ subnet_id: Type.Optional(Id), port_id: Type.Optional(Id) }, { additionalProperties: false });
const InterfaceReply = Type.Object({
  ...{ id: Text, project_id: Text, tenant_id: Text, port_id: Text, network_id: Text, subnet_id: Text },
  subnet_ids: Type.Array(Text),
});

function interfaceRoute(action: 'add_router_interface' | 'remove_router_interface', summary: string, run: typeof addInterface) {
  return route({
    method: 'PUT',
    path: `/routers/:id/${action}` as '/routers/:id/x',
    policy: action,
    summary,
    body: InterfaceBody,
    reply: InterfaceReply,
    handler: (request, context) =>
      changing({ request, context }, { id: request.params.id, action }, async (call, router) =>
        shownOf(router, await run(call.context, request.caller, { router, request: request.body })),
      ),
  });
}

function shownOf({ id }: Router, { port, subnets }: Interface): Static<typeof InterfaceReply> {
  const { project_id, network_id } = port;
  const subnet_ids = subnets.map((subnet) => subnet.id);
  return { id, project_id, tenant_id: project_id, port_id: port.id, network_id, subnet_id: subnet_ids.at(-1) ?? '', subnet_ids };
}

/** In one transaction, with the rights that an action needs. */
function changing<Reply>(
  { request, context }: Call,
  { id, action }: { id: string; action: NetworkRule },
  change: (call: Call, router: Router) => Promise<Reply>,
): Promise<Reply> {
  return context.store.transaction(async (store) => {
    const call = { request, context: { ...context, store } };
    const { row, target } = await findRow(routers, call, id);
    authorize(request, action, target);
    refuseOtherRevision(request, row);
    return change(call, row as Router);
  });
}

function routesRoute(action: 'add_extraroutes' | 'remove_extraroutes', summary: string, change: typeof routesWith) {
  return route({
    method: 'PUT',
    path: `/routers/:id/${action}` as '/routers/:id/x',
    policy: action,
    summary,
    body: Type.Object({ router: Type.Object({ routes: Routes }, { additionalProperties: false }) }),
    reply: Type.Object({ router: routerView.schema }),
    handler: (request, context) =>
      changing({ request, context }, { id: request.params.id, action }, async (call, row) => {
        const routes = change(row, request.body.router.routes);
        await updateRouter(call.context, request.caller, { row, request: { routes } });
        const after = await call.context.store.routers.list({ id: row.id });
        const [shown] = await withGateways(call.context.store, after);
        return {
          router: routerView.of(request, call.context)(shown ?? { router: row, gateway: undefined, availability_zones: [] }),
        };
      }),
  });
}

export const routerRoutes = [
  ...resourceRoutes(routers),
  ...tagRoutes(routers),
  interfaceRoute('add_router_interface', 'Connect a router with a subnet or port', addInterface),
  interfaceRoute('remove_router_interface', 'Disconnect a router from a subnet or port', removeInterface),
  routesRoute('add_extraroutes', 'Add routes to a router', routesWith),
  routesRoute('remove_extraroutes', 'Remove routes from a router', routesWithout),
];
