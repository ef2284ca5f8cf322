/** Agents of the network service (neutron/db/agents_db.py, neutron/db/agentschedulers_db.py). Each hosts all that is of its kind. */
import type { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { isOneOf } from '#store/conditions.ts';
import type { NetworkAgent } from '#store/tables/network-agents.ts';
import type { NetworkContext } from './context.ts';
import { networkFault } from './errors.ts';

type Reader = Pick<NetworkContext, 'store'>;

/** Neutron's default of `agent_down_time`. */
const downMs = 75_000;

/** One whose last report is older is not alive. */
export const aliveSince = (): string => new Date(Date.now() - downMs).toISOString();

export const missingAgent = (id: string): Fault => networkFault('AgentNotFound', `Agent ${id} could not be found.`);

export async function describeAgent(
  { store }: Reader,
  { id }: NetworkAgent,
  description: string | null | undefined,
): Promise<void> {
  if (description === undefined) return;
  await store.network_agents.update({ id }, { description: description ?? '', updated_at: new Date().toISOString() });
}

/** It is there again with its next report. */
export async function forgetAgent({ store }: Reader, { id }: NetworkAgent): Promise<void> {
  await store.network_agents.remove({ id });
}

/** Ids of the networks that have a subnet with DHCP. */
export async function networksWithDhcp({ store }: Reader, ids?: readonly string[]): Promise<string[]> {
  const among = ids ? [isOneOf('network_id', ids)] : [];
  const subnets = await store.subnets.pick(['network_id'], [isOneOf('enable_dhcp', [true]), ...among]);
  return [...new Set(subnets.map(({ network_id }) => network_id))];
}

/** Ids of the routers that have a port. */
export async function routersWithPorts({ store }: Reader, ids?: readonly string[]): Promise<string[]> {
  const ports = await store.router_ports.pick(['router_id'], ids ? [isOneOf('router_id', ids)] : []);
  return [...new Set(ports.map(({ router_id }) => router_id))];
}

/** What operators see of DHCP. */
export async function dhcpFacts(store: NetworkContext['store']): Promise<JsonObject> {
  const subnets = await store.subnets.count({ enable_dhcp: true });
  return { dhcp_driver: 'dnsmasq', dhcp_lease_duration: 3600, networks: (await networksWithDhcp({ store })).length, subnets };
}

type Kind = 'DHCP agent' | 'L3 agent';
const words = {
  'DHCP agent': { what: 'network', hosted: 'NetworkHostedByDHCPAgent', notHosted: 'NetworkNotHostedByDhcpAgent' },
  'L3 agent': { what: 'router', hosted: 'RouterHostedByL3Agent', notHosted: 'RouterNotHostedByL3Agent' },
} as const;

/** Nothing is moved between agents: there is one of each kind. */
export function placementFault(kind: Kind, { id, agent, isHosted }: { id: string; agent: string; isHosted: boolean }): Fault {
  const { what, hosted, notHosted } = words[kind];
  return isHosted
    ? networkFault(hosted, `The ${what} ${id} is hosted by the ${kind} ${agent}, which hosts all of them.`)
    : networkFault(notHosted, `The ${what} ${id} is not hosted by the ${kind} ${agent}: nothing of it needs one.`);
}
