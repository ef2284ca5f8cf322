/** Routers (neutron/db/l3_db.py): their records, external gateways and ends. */
import { randomUUID } from 'node:crypto';
import { Fault } from '#domain/faults.ts';
import type { Condition } from '#store/conditions.ts';
import { isEqual } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { Port } from '#store/tables/ports.ts';
import type { ExtraRoute, Router } from '#store/tables/routers.ts';
import type { Caller } from '../caller.ts';
import { routersWithPorts } from './agents.ts';
import { refuseUnknownZones, zonesOfAgent } from './availability-zones.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { refuseOver } from './quotas.ts';
import { type GatewayInfo, setGateway } from './router-gateways.ts';
import { portsOfRouters } from './router-ports.ts';
import { plainRoutes, refuseUnreachable } from './router-routes.ts';
import { ownerOf } from './visibility.ts';

export type RouterChanges = {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly admin_state_up?: boolean | undefined;
  /** null or empty: none. */
  readonly external_gateway_info?: GatewayInfo | null | undefined;
  readonly routes?: readonly ExtraRoute[] | undefined;
  readonly ha?: boolean | null | undefined;
  readonly distributed?: boolean | null | undefined;
};
export type NewRouter = RouterChanges & {
  readonly availability_zone_hints?: readonly string[] | undefined;
  readonly project_id?: string | undefined;
  readonly tenant_id?: string | undefined;
};

export function visibleOfProject({ is_admin, project_id }: Caller): Condition[] {
  return is_admin ? [] : [isEqual('project_id', project_id)];
}

export const missingRouter = (id: string): Fault => networkFault('RouterNotFound', `Router ${id} could not be found`);

function refuseKinds({ ha, distributed }: RouterChanges): void {
  if (ha) throw new Fault('unsupported', { what: 'A router on several hosts (ha)' });
  if (distributed) throw new Fault('unsupported', { what: 'A distributed router' });
}

/** @throws Fault `unsupported`, `overQuota`, and as `setGateway` */
export async function createRouter(context: NetworkContext, caller: Caller, request: NewRouter): Promise<Router> {
  refuseKinds(request);
  const hints = request.availability_zone_hints ?? [];
  refuseUnknownZones(hints);
  const project_id = ownerOf(caller, request);
  const now = new Date().toISOString();
  return context.store.transaction(async (trx) => {
    await refuseOver(trx, 'router', { project_id });
    const router = await trx.routers.insert({
      id: randomUUID(),
      name: request.name ?? '',
      project_id,
      description: request.description ?? '',
      admin_state_up: request.admin_state_up ?? true,
      enable_snat: true,
      routes: [],
      availability_zone_hints: [...new Set(hints)],
      created_at: now,
      updated_at: now,
    });
    await changeRouter({ ...context, store: trx }, caller, router, request);
    return (await trx.routers.find({ id: router.id })) ?? router;
  });
}

export async function updateRouter(
  context: NetworkContext,
  caller: Caller,
  { row, request }: { row: Router; request: RouterChanges },
): Promise<void> {
  refuseKinds(request);
  const { name, description, admin_state_up } = request;
  await context.store.transaction(async (trx) => {
    const router = (await trx.routers.find({ id: row.id })) ?? row;
    await trx.routers.update(
      { id: router.id },
      {
        name: name ?? router.name,
        description: description ?? router.description,
        admin_state_up: admin_state_up ?? router.admin_state_up,
        updated_at: new Date().toISOString(),
      },
    );
    await changeRouter({ ...context, store: trx }, caller, router, request);
  });
}

/** Gateway and routes, in this order: a route may go by the new gateway. */
async function changeRouter(context: NetworkContext, caller: Caller, router: Router, request: RouterChanges): Promise<void> {
  const { store } = context;
  const { external_gateway_info: gateway, routes } = request;
  if (gateway !== undefined) await setGateway(context, caller, router, gateway);
  if (routes) {
    const plain = plainRoutes(routes);
    await refuseUnreachable(store, router.id, plain);
    await store.routers.update({ id: router.id }, { routes: plain });
  } else if (gateway !== undefined) await refuseUnreachable(store, router.id, router.routes);
}

/** @throws Fault `conflict` while it has interfaces, or floating IPs need its gateway */
export async function deleteRouter(context: NetworkContext, caller: Caller, router: Router): Promise<void> {
  await context.store.transaction(async (trx) => {
    const interfaces = (await trx.router_ports.list({ router_id: router.id, kind: 'interface' })).map(({ port_id }) => port_id);
    if (interfaces.length > 0) {
      const detail = `Router ${router.id} has ports still attached: ${interfaces.join(', ')}`;
      throw networkFault('RouterInUse', detail);
    }
    await setGateway({ ...context, store: trx }, caller, router, null);
    await trx.routers.remove({ id: router.id });
  });
}

export type RouterWithGateway = {
  readonly router: Router;
  readonly gateway: Port | undefined;
  /** Where its ports are. */
  readonly availability_zones: readonly string[];
};

export async function withGateways(store: Store, routers: readonly Router[]): Promise<RouterWithGateway[]> {
  const ids = routers.map(({ id }) => id);
  const ports = await portsOfRouters(store, ids, 'gateway');
  const zones = await zonesOfAgent(store, 'L3 agent');
  const hosted = new Set(zones.length === 0 ? [] : await routersWithPorts({ store }, ids));
  return routers.map((router) => ({
    router,
    gateway: ports.get(router.id)?.[0],
    availability_zones: hosted.has(router.id) ? zones : [],
  }));
}
