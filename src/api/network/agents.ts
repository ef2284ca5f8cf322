/** `/agents`: which parts of the network service run here, and what they host. */
import { type Static, Type } from 'typebox';
import {
  aliveSince,
  describeAgent,
  forgetAgent,
  missingAgent,
  networksWithDhcp,
  placementFault,
  routersWithPorts,
} from '#services/network/agents.ts';
import { anyOf, compares } from '#store/conditions.ts';
import { listTables } from '#store/list-tables.ts';
import type { NetworkAgent } from '#store/tables/network-agents.ts';
import { fixedField, type ListFields, requireBoolean, textFields } from '../http/list.ts';
import type { Row } from '../http/route.ts';
import { Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { networks } from './networks.ts';
import { type NetworkRule, route, unsupportedRoute } from './policy.ts';
import { type AnyResource, type Call, findRow, resourceOf, resourceRoutes } from './resource.ts';
import { routers } from './routers.ts';

const Text = Type.String();
/** As Python prints times. */
const timeOf = (iso: string) => iso.slice(0, 19).replace('T', ' ');

const view = viewOf<NetworkAgent, NetworkRule>()({
  id: { type: Text, value: ({ id }) => id },
  agent_type: { type: Text, value: ({ agent_type }) => agent_type },
  binary: { type: Text, value: ({ binary }) => binary },
  topic: { type: Text, value: ({ topic }) => topic },
  host: { type: Text, value: ({ host }) => host },
  availability_zone: { type: Text, value: ({ availability_zone }) => availability_zone },
  admin_state_up: { type: Type.Boolean(), value: () => true },
  alive: { type: Type.Boolean(), value: ({ heartbeat_timestamp }) => heartbeat_timestamp >= aliveSince() },
  created_at: { type: Text, value: ({ created_at }) => timeOf(created_at) },
  started_at: { type: Text, value: ({ started_at }) => timeOf(started_at) },
  heartbeat_timestamp: { type: Text, value: ({ heartbeat_timestamp }) => timeOf(heartbeat_timestamp) },
  description: { type: Nullable(Text), value: ({ description }) => description || null },
  configurations: { type: Type.Object({}), value: ({ configurations }) => configurations },
  resources_synced: { type: Nullable(Type.Boolean()), value: () => null },
});

const aliveFields = (since: string): ListFields => ({
  ...textFields('id', 'agent_type', 'binary', 'topic', 'host', 'availability_zone', 'description'),
  admin_state_up: fixedField(true),
  alive: {
    filter: (values) =>
      anyOf(...values.map((value) => compares('heartbeat_timestamp', requireBoolean(value) ? '>=' : '<', since))),
  },
  ...Object.fromEntries(['created_at', 'started_at', 'heartbeat_timestamp'].map((name) => [name, { sort: [name] }])),
});

/** Neither can be switched off. */
const Changes = Type.Object(
  {
    description: Type.Optional(Nullable(Type.String({ maxLength: 255 }))),
    admin_state_up: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);

const agents = resourceOf<NetworkAgent, unknown, Static<typeof Changes>>()({
  noun: 'agent',
  plural: 'agents',
  path: 'agents',
  title: 'an agent of the network service',
  collection: (store) => store.network_agents,
  table: listTables.network_agents,
  visible: () => [],
  isOfAll: true,
  missing: missingAgent,
  fields: aliveFields(''),
  fieldsFor: () => aliveFields(aliveSince()),
  view,
  items: async (_, rows) => rows,
  update: { body: Changes, run: ({ context }, agent, { description }) => describeAgent(context, agent, description) },
  remove: ({ context }, agent) => forgetAgent(context, agent),
});

/** Databases do not accept conditions of any size. */
const idsAtOnce = 1000;

type Hosting = {
  readonly agent_type: NetworkAgent['agent_type'];
  /** What it hosts. */
  readonly of: AnyResource;
  /** `dhcp-networks`, `dhcp-agents`: words of paths and rules. */
  readonly what: 'dhcp-network' | 'l3-router';
  readonly agents: 'dhcp-agents' | 'l3-agents';
  readonly hosted: (context: Call['context'], ids?: readonly string[]) => Promise<string[]>;
};
const hostings: readonly Hosting[] = [
  { agent_type: 'DHCP agent', of: networks, what: 'dhcp-network', agents: 'dhcp-agents', hosted: networksWithDhcp },
  { agent_type: 'L3 agent', of: routers, what: 'l3-router', agents: 'l3-agents', hosted: routersWithPorts },
];

async function hostedRows({ of, hosted }: Hosting, call: Call): Promise<object[]> {
  const ids = (await hosted(call.context)).sort();
  const rows: object[] = [];
  for (let start = 0; start < ids.length; start += idsAtOnce) {
    const id = ids.slice(start, start + idsAtOnce);
    rows.push(...(await of.collection(call.context.store).list({ id }, { orderBy: 'id' })));
  }
  return (await of.items(call, rows)).map(of.view.of(call.request, call.context));
}

/** `/agents/{id}/dhcp-networks`, `/networks/{id}/dhcp-agents`, and those of routers. */
function hostingRoutes(hosting: Hosting): Row[] {
  const { agent_type, of, what, agents: agentsPath, hosted } = hosting;
  const plural = of.plural;
  const listPath = `/agents/:id/${what}s` as '/agents/:id/x';
  const agentOf = async (call: Call, id: string) => (await findRow(agents, call, id)).row as NetworkAgent;
  const refuse = async (call: Call, { agent, id }: { agent: string; id: string }): Promise<never> => {
    const { agent_type: type } = await agentOf(call, agent);
    if (type !== agent_type) throw missingAgent(agent);
    await findRow(of, call, id);
    throw placementFault(agent_type, { id, agent, isHosted: (await hosted(call.context, [id])).length > 0 });
  };
  const noun = `${of.noun}_id`;
  return [
    route({
      method: 'GET',
      path: listPath,
      policy: `get_${what}s`,
      summary: `List the ${plural} that an agent hosts`,
      reply: Type.Object({ [plural]: Type.Array(of.view.schema) }),
      async handler(request, context) {
        const call = { request, context };
        const agent = await agentOf(call, request.params.id);
        return { [plural]: agent.agent_type === agent_type ? await hostedRows(hosting, call) : [] };
      },
    }),
    route({
      method: 'POST',
      path: listPath,
      policy: `create_${what}`,
      summary: `Have an agent host a ${of.noun}: refused`,
      body: Type.Object({ [noun]: Type.String({ maxLength: 255 }) }),
      handler: (request, context) => {
        const id = (request.body as Record<string, string>)[noun] ?? '';
        return refuse({ request, context }, { agent: request.params.id, id });
      },
    }),
    route({
      method: 'DELETE',
      path: `/agents/:id/${what}s/:hosted` as '/agents/:id/x/:hosted',
      policy: `delete_${what}`,
      summary: `Have an agent no longer host a ${of.noun}: refused`,
      handler: (request, context) => refuse({ request, context }, { agent: request.params.id, id: request.params.hosted }),
    }),
    route({
      method: 'GET',
      path: `/${plural}/:id/${agentsPath}` as '/x/:id/y',
      policy: `get_${agentsPath}`,
      summary: `List the agents that host a ${of.noun}`,
      reply: Type.Object({ agents: Type.Array(view.schema) }),
      async handler(request, context) {
        const call = { request, context };
        await findRow(of, call, request.params.id);
        const isHosted = (await hosted(context, [request.params.id])).length > 0;
        const rows = isHosted ? await context.store.network_agents.list({ agent_type }) : [];
        return { agents: rows.map(view.of(request, context)) };
      },
    }),
  ];
}

export const agentRoutes = [
  ...resourceRoutes(agents),
  unsupportedRoute({ method: 'POST', path: '/agents', policy: 'create_agent', what: 'A network agent' }),
  ...hostings.flatMap(hostingRoutes),
];
