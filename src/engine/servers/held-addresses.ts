/**
 * Addresses of a machine that could not be powered off: its server is gone, but it may still run its system. No port gets
 * them until the machine is seen powered off, is cleaned or has another system, or an operator releases them.
 */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { HeldAddress } from '#store/tables/held-addresses.ts';
import type { Port } from '#store/tables/ports.ts';

export type Hold = Pick<HeldAddress, 'node_uuid' | 'instance_uuid' | 'reason'>;

/** In the transaction that takes the ports from the machine. */
export async function holdAddresses(trx: Store, hold: Hold, ports: readonly Port[]): Promise<void> {
  const created_at = new Date().toISOString();
  const held: string[] = [];
  for (const { fixed_ips, project_id } of ports) {
    for (const { ip_address } of fixed_ips) {
      // The step may run again; an address has one machine.
      await trx.held_addresses.remove({ ip_address });
      await trx.held_addresses.insert({ ...hold, ip_address, project_id, created_at });
      held.push(ip_address);
    }
  }
  if (held.length > 0) note(trx, hold.node_uuid, `${held.join(', ')} ${held.length === 1 ? 'is' : 'are'} held: ${hold.reason}`);
}

/** @param why in the events */
export async function releaseHeld(store: Store, where: { node_uuid: string; ip_address?: string }, why: string): Promise<number> {
  const held = await store.held_addresses.list(where);
  if (held.length === 0) return 0;
  const count = await store.held_addresses.remove(where);
  const addresses = held.map(({ ip_address }) => ip_address);
  note(store, where.node_uuid, `${addresses.join(', ')} ${addresses.length === 1 ? 'is' : 'are'} held no longer: ${why}`);
  return count;
}

/** Few: one machine in thousands cannot be powered off. */
export async function heldAddresses(store: Store): Promise<string[]> {
  return (await store.held_addresses.pick(['ip_address'])).map(({ ip_address }) => ip_address);
}

/** Nodes whose machines hold addresses. */
export async function nodesThatHold(store: Store): Promise<ReadonlySet<string>> {
  return new Set((await store.held_addresses.pick(['node_uuid'])).map(({ node_uuid }) => node_uuid));
}

/**
 * A user's port keeps its addresses when it loses its server.
 * @param machine the node that may use the port although it holds the addresses: it is the same machine
 * @throws Fault `conflict`
 */
export async function refuseHeld(store: Store, { id, fixed_ips }: Port, machine?: string): Promise<void> {
  const addresses = fixed_ips.map(({ ip_address }) => ip_address);
  if (addresses.length === 0) return;
  const held = (await store.held_addresses.list({ ip_address: addresses })).find(({ node_uuid }) => node_uuid !== machine);
  if (!held) return;
  const detail = `Port ${id} is still in use: the machine that had its address ${held.ip_address} could not be powered off and may still use it.`;
  throw new Fault('conflict', { detail });
}

function note(store: Store, node_uuid: string, message: string): void {
  store.events.append({ kind: 'note', node_uuid, subject: 'addresses', message });
}
