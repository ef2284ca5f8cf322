/** Trunks (neutron/services/trunk): VLANs of a server's NIC. Ingot configures no switch; the config drive names them. */
import { randomUUID } from 'node:crypto';
import { type Condition, isEqual, isOneOf } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { Port } from '#store/tables/ports.ts';
import type { Subport, Trunk } from '#store/tables/trunks.ts';
import type { Caller } from '../caller.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';
import { findPort, type PlannedSubport, planSubports, type WantedSubport } from './subport-plan.ts';
import { ownerOf } from './visibility.ts';

export type TrunkChanges = {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly admin_state_up?: boolean | undefined;
};
export type NewTrunk = TrunkChanges & {
  readonly port_id: string;
  readonly sub_ports?: readonly WantedSubport[] | undefined;
  readonly project_id?: string | undefined;
  readonly tenant_id?: string | undefined;
};

export function visibleTrunks({ is_admin, project_id }: Caller): Condition[] {
  return is_admin ? [] : [isEqual('project_id', project_id)];
}

/** @throws Fault `notFound`, `conflict`, `badRequest`, `invalidInput` */
export async function createTrunk({ store }: NetworkContext, caller: Caller, request: NewTrunk): Promise<Trunk> {
  const project_id = ownerOf(caller, request);
  const parent = await freeParent(store, caller, request.port_id);
  const planned = await planSubports(store, caller, { parent, wanted: request.sub_ports ?? [] });
  const now = new Date().toISOString();
  const trunk = await store.trunks.insert({
    id: randomUUID(),
    name: request.name ?? '',
    description: request.description ?? '',
    admin_state_up: request.admin_state_up ?? true,
    ...{ project_id, port_id: parent.id, created_at: now, updated_at: now },
  });
  await insertAll(store, trunk.id, planned);
  return trunk;
}

async function freeParent(store: Store, caller: Caller, id: string): Promise<Port> {
  const port = await findPort(store, caller, id);
  if (await store.trunk_subports.find({ port_id: id }))
    throw networkFault('TrunkPortInUse', `Port ${id} is in use by another trunk.`);
  if ((await store.trunks.find({ port_id: id })) || isBound(port))
    throw networkFault('ParentPortInUse', `Port ${id} is currently in use and is not eligible for use as a parent port.`);
  return port;
}

const isBound = ({ status, binding_host_id }: Port) => status === 'ACTIVE' || binding_host_id !== '';

async function insertAll(store: Store, trunk_id: string, subports: readonly PlannedSubport[]): Promise<void> {
  for (const subport of subports) await store.trunk_subports.insert({ ...subport, trunk_id });
}

export async function updateTrunk({ store }: NetworkContext, trunk: Trunk, changes: TrunkChanges): Promise<void> {
  const { name = trunk.name, description = trunk.description, admin_state_up = trunk.admin_state_up } = changes;
  await store.trunks.update({ id: trunk.id }, { name, description, admin_state_up, updated_at: new Date().toISOString() });
}

/** @throws Fault `conflict` if it is disabled, or while its parent is bound */
export async function deleteTrunk({ store }: NetworkContext, trunk: Trunk): Promise<void> {
  refuseDisabled(trunk);
  const parent = await store.ports.find({ id: trunk.port_id });
  if (parent && isBound(parent)) throw networkFault('TrunkInUse', `Trunk ${trunk.id} is currently in use.`);
  await store.trunk_subports.remove({ trunk_id: trunk.id });
  await store.trunks.remove({ id: trunk.id });
}

function refuseDisabled({ id, admin_state_up }: Trunk): void {
  if (!admin_state_up) throw networkFault('TrunkDisabled', `Trunk ${id} is currently disabled.`);
}

type Change = (
  context: NetworkContext,
  caller: Caller,
  change: { trunk: Trunk; wanted: readonly WantedSubport[] },
) => Promise<void>;

/** Call in the transaction that has read the trunk. @throws Fault as `createTrunk` */
export const addSubports: Change = async ({ store }, caller, { trunk, wanted }) => {
  const parent = await findPort(store, caller, trunk.port_id);
  const known = await store.trunk_subports.list({ trunk_id: trunk.id });
  const planned = await planSubports(store, caller, { parent, wanted });
  refuseDisabled(trunk);
  const taken = new Set(known.map(({ segmentation_id }) => segmentation_id));
  const twice = planned.find(({ segmentation_id }) => taken.has(segmentation_id));
  if (twice) {
    const segmentation = `segmentation_type ${twice.segmentation_type} and segmentation_id ${twice.segmentation_id}`;
    throw networkFault('DuplicateSubPort', `${segmentation} already in use on trunk ${trunk.id}.`);
  }
  await insertAll(store, trunk.id, planned);
  if (planned.length > 0) await store.trunks.revise(trunk.id);
};

/** Call in the transaction that has read the trunk. @throws Fault `missing`, `conflict` */
export const removeSubports: Change = async ({ store }, _, { trunk, wanted }) => {
  refuseDisabled(trunk);
  for (const { port_id } of wanted)
    if ((await store.trunk_subports.remove({ port_id, trunk_id: trunk.id })) === 0)
      throw networkFault('SubPortNotFound', `SubPort ${port_id} on trunk ${trunk.id} could not be found.`);
  if (wanted.length > 0) await store.trunks.revise(trunk.id);
};

/** With whether the parent is in use, which is the trunk's status. */
export async function trunksWithSubports(store: Store, trunks: readonly Trunk[]) {
  const subports = await store.trunk_subports.list([isOneOf('trunk_id', idsOf(trunks))], { orderBy: 'segmentation_id' });
  const byTrunk = Map.groupBy(subports, ({ trunk_id }) => trunk_id);
  const parents = await store.ports.pick(
    ['id', 'status'],
    [
      isOneOf(
        'id',
        trunks.map(({ port_id }) => port_id),
      ),
    ],
  );
  const active = new Set(parents.filter(({ status }) => status === 'ACTIVE').map(({ id }) => id));
  return trunks.map((trunk) => ({
    trunk,
    isActive: active.has(trunk.port_id),
    subports: byTrunk.get(trunk.id) ?? [],
  }));
}

const idsOf = (rows: readonly { readonly id: string }[]) => rows.map(({ id }) => id);

/** Of those ports that are parents: the trunk, with the MACs of its subports. */
export async function trunkDetails(store: Store, ports: readonly Port[]) {
  const trunks = await store.trunks.list([isOneOf('port_id', idsOf(ports))]);
  const all = await trunksWithSubports(store, trunks);
  const ids = all.flatMap(({ subports }) => subports.map(({ port_id }) => port_id));
  const macs = new Map(
    (await store.ports.pick(['id', 'mac_address'], [isOneOf('id', ids)])).map((port) => [port.id, port.mac_address]),
  );
  const shown = ({ port_id, segmentation_id, segmentation_type }: Subport) => ({
    ...{ segmentation_id, segmentation_type, port_id },
    mac_address: macs.get(port_id) ?? '',
  });
  return new Map(all.map(({ trunk, subports }) => [trunk.port_id, { trunk_id: trunk.id, sub_ports: subports.map(shown) }]));
}

/** @throws Fault `conflict` */
export async function refusePortOfTrunk(store: Store, id: string): Promise<void> {
  const subport = await store.trunk_subports.find({ port_id: id });
  if (subport) throw networkFault('PortInUseAsSubPort', `Port ${id} is currently a subport for trunk ${subport.trunk_id}.`);
  const trunk = await store.trunks.find({ port_id: id });
  if (trunk) throw networkFault('PortInUseAsTrunkParent', `Port ${id} is currently a parent port for trunk ${trunk.id}.`);
}
