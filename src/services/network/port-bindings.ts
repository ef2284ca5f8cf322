/**
 * Bindings of a port to hosts (neutron/plugins/ml2/plugin.py): one is active, others wait until its machine moves there.
 * Machines do not move here; other compute services that use these networks may have some that do.
 */
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Store } from '#store/store.ts';
import type { Port } from '#store/tables/ports.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';

/** Neutron has no limit for them. */
const mostBindings = 20;

export type Binding = { readonly host: string; readonly profile: JsonObject; readonly status: 'ACTIVE' | 'INACTIVE' };
type NewBinding = { readonly host: string; readonly profile?: JsonObject | null | undefined };

/** The active one first. @throws Fault `badRequest` */
export async function bindingsOf({ store }: Pick<NetworkContext, 'store'>, port: Port): Promise<Binding[]> {
  requireComputePort(port);
  const others = await store.port_bindings.list({ port_id: port.id }, { orderBy: 'host' });
  const active = { host: port.binding_host_id, profile: port.binding_profile, status: 'ACTIVE' } as const;
  return [
    ...(active.host === '' ? [] : [active]),
    ...others.map(({ host, profile }) => ({ host, profile, status: 'INACTIVE' }) as const),
  ];
}

function requireComputePort({ id, device_owner }: Port): void {
  if (device_owner.startsWith('compute:')) return;
  const detail = `Bad port request: port ${id} is not of a machine of the compute service.`;
  throw new Fault('badRequest', { detail, type: 'BadRequest' });
}

/** @throws Fault `badRequest`, `missing` */
export async function findBinding(context: Pick<NetworkContext, 'store'>, port: Port, host: string): Promise<Binding> {
  const found = (await bindingsOf(context, port)).find((each) => each.host === host);
  if (found) return found;
  throw networkFault('PortBindingNotFound', `Port ${port.id} has no binding for host ${host}.`);
}

/** Active if there is none yet. Call in the transaction that has read the port. @throws Fault `badRequest`, `conflict`, `overQuota` */
export async function createBinding(trx: Store, port: Port, { host, profile }: NewBinding): Promise<Binding> {
  const others = await bindingsOf({ store: trx }, port);
  if (others.some((each) => each.host === host))
    throw networkFault('PortBindingAlreadyExists', `Port ${port.id} already has a binding for host ${host}.`);
  if (others.length >= mostBindings) throw new Fault('overQuota', { what: 'binding of a port' });
  const binding = { host, profile: profile ?? {} };
  if (others.some(({ status }) => status === 'ACTIVE')) {
    await trx.port_bindings.insert({ port_id: port.id, ...binding });
    return { ...binding, status: 'INACTIVE' };
  }
  await writeActive(trx, port, binding);
  return { ...binding, status: 'ACTIVE' };
}

function writeActive(trx: Store, { id }: Port, { host, profile }: Omit<Binding, 'status'>): Promise<number> {
  return trx.ports.update({ id }, { binding_host_id: host, binding_profile: profile, updated_at: new Date().toISOString() });
}

/** To another host or with another profile. @throws Fault as `findBinding`, and `conflict` */
export async function updateBinding(trx: Store, port: Port, host: string, changes: Partial<NewBinding>): Promise<Binding> {
  const binding = await findBinding({ store: trx }, port, host);
  const profile = changes.profile === undefined ? binding.profile : (changes.profile ?? {});
  const changed = { ...binding, host: changes.host ?? host, profile };
  if (changed.host !== host) {
    const others = await bindingsOf({ store: trx }, port);
    if (others.some((each) => each.host === changed.host))
      throw networkFault('PortBindingAlreadyExists', `Port ${port.id} already has a binding for host ${changed.host}.`);
  }
  if (binding.status === 'ACTIVE') await writeActive(trx, port, changed);
  else await trx.port_bindings.update({ port_id: port.id, host }, { host: changed.host, profile });
  return changed;
}

/** The former active one stays, inactive. @throws Fault as `findBinding`, and `conflict` */
export async function activateBinding(trx: Store, port: Port, host: string): Promise<Binding> {
  const bindings = await bindingsOf({ store: trx }, port);
  const active = bindings.find(({ status }) => status === 'ACTIVE');
  if (active?.host === host)
    throw networkFault('PortBindingAlreadyActive', `The binding of port ${port.id} for host ${host} is active already.`);
  const binding = await findBinding({ store: trx }, port, host);
  await trx.port_bindings.remove({ port_id: port.id, host });
  if (active) await trx.port_bindings.insert({ port_id: port.id, host: active.host, profile: active.profile });
  await writeActive(trx, port, binding);
  return { ...binding, status: 'ACTIVE' };
}

/** @throws Fault as `findBinding` */
export async function deleteBinding(trx: Store, port: Port, host: string): Promise<void> {
  const { status } = await findBinding({ store: trx }, port, host);
  if (status === 'ACTIVE') await writeActive(trx, port, { host: '', profile: {} });
  else await trx.port_bindings.remove({ port_id: port.id, host });
}
