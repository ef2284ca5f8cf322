/**
 * Who may do what with whose node: a request for a node, or for a part of one, is checked against its owner and its lessee
 * before its body is read. What the caller may not see is not there (404); what it may see and not do is forbidden (403).
 */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { isUuidLike } from '#domain/uuids.ts';
import { type JsonPatch, writtenMembersOf } from '#services/baremetal/json-patch.ts';
import { findNamedNode, nodeKey } from '#services/baremetal/lookup.ts';
import { anyOf, type Condition, isAmong, isEqual } from '#store/conditions.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { ApiContext } from '../context.ts';
import { allows, authorize, type BaremetalRule, nodeTarget } from './policy.ts';

type Owners = Pick<Node, 'uuid' | 'owner' | 'lessee'>;
type Resource = {
  /** The beginning of the path, up to the parameter. */
  readonly path: string;
  readonly noun: string;
  /** The UUID of its node. */
  readonly nodeOf: (store: Store, ident: string) => Promise<string | undefined>;
};

const byUuid = (ident: string) => (isUuidLike(ident) ? { uuid: ident.toLowerCase() } : undefined);
const byName = (ident: string) => byUuid(ident) ?? { name: ident };

const resourceTable: readonly Resource[] = [
  {
    path: '/nodes/:node',
    noun: 'Node',
    nodeOf: async (store, ident) => (await store.nodes.pick(['uuid'], nodeKey(ident)))[0]?.uuid,
  },
  { path: '/ports/:port', noun: 'Port', nodeOf: async (store, ident) => (await store.node_ports.find(byName(ident)))?.node_uuid },
  {
    path: '/portgroups/:portgroup',
    noun: 'Portgroup',
    nodeOf: async (store, ident) => (await store.portgroups.find(byName(ident)))?.node_uuid,
  },
  {
    path: '/volume/connectors/:volume',
    noun: 'Volume connector',
    nodeOf: async (store, ident) => (await store.volume_connectors.find(byUuid(ident) ?? { uuid: '' }))?.node_uuid,
  },
  {
    path: '/volume/targets/:volume',
    noun: 'Volume target',
    nodeOf: async (store, ident) => (await store.volume_targets.find(byUuid(ident) ?? { uuid: '' }))?.node_uuid,
  },
];

const sees = 'baremetal:node:get';
/** Without a node, a rule can only allow what does not depend on whose it is. */
const nobodys = {};

/** A preParsing hook. @throws Fault `notFound`, `forbidden` */
export async function checkNodeAccess(request: FastifyRequest, { store }: ApiContext): Promise<void> {
  const { row } = request;
  const rule = row?.policy as BaremetalRule;
  const resource = row && resourceTable.find(({ path }) => row.path === path || row.path.startsWith(`${path}/`));
  if (!resource || [sees, rule].every((name) => allows(request, name as BaremetalRule, nobodys))) return;
  const ident = Object.values(request.params as Record<string, string>)[0] ?? '';
  const uuid = await resource.nodeOf(store, ident);
  const node = uuid === undefined ? undefined : await ownersOf(store, uuid);
  if (!node || !allows(request, sees, nodeTarget(node))) throw new Fault('notFound', { what: resource.noun, id: ident });
  authorize(request, rule, { ...nodeTarget(node), ...projectsOwn(request) });
}

/** Rules of other records, which their handlers check. */
function projectsOwn({ caller }: FastifyRequest) {
  return { 'allocation.owner': caller.project_id, 'runbook.owner': caller.project_id };
}

async function ownersOf(store: Store, uuid: string): Promise<Owners | undefined> {
  return (await store.nodes.pick(['uuid', 'owner', 'lessee'], { uuid }))[0];
}

export function seesNode(request: FastifyRequest, node: Pick<Node, 'owner' | 'lessee'>): boolean {
  return allows(request, sees, nodeTarget(node));
}

/** @throws Fault `forbidden` for each rule that does not allow it; `notFound` */
export async function authorizeNode(
  context: ApiContext,
  request: FastifyRequest,
  { ident, rules }: { ident: string; rules: Iterable<BaremetalRule> },
): Promise<void> {
  const missing = [...rules].filter((name) => !allows(request, name, nobodys));
  if (missing.length === 0) return;
  const [node] = await context.store.nodes.pick(['owner', 'lessee'], nodeKey(ident));
  if (!node || !seesNode(request, node)) throw new Fault('notFound', { what: 'Node', id: ident });
  for (const name of missing) authorize(request, name, nodeTarget(node));
}

/** The node that a body names. @throws Fault `badRequest` as for none if it is not to be seen, `forbidden` */
export async function authorizeNamed(
  context: ApiContext,
  request: FastifyRequest,
  { ident, rule }: { ident: string; rule: BaremetalRule },
): Promise<void> {
  if (allows(request, rule, nobodys)) return;
  const node = await findNamedNode(context, ident);
  if (!seesNode(request, node)) throw new Fault('badRequest', { detail: `Node ${ident} could not be found.` });
  authorize(request, rule, nodeTarget(node));
}

/** A patch that moves a record to another node needs the rule there, too. @throws Fault `badRequest`, `forbidden` */
export async function authorizeMove(
  context: ApiContext,
  request: FastifyRequest,
  { patch, rule }: { patch: JsonPatch; rule: BaremetalRule },
): Promise<void> {
  if (allows(request, rule, nobodys)) return;
  for (const operation of patch) {
    if (!writtenMembersOf([operation]).has('node_uuid')) continue;
    const ident = 'value' in operation ? String(operation.value) : '';
    await authorizeNamed(context, request, { ident, rule });
  }
}

/** @throws Fault `notFound` if a filter names a node that the caller may not see */
export async function refuseHiddenNode({ store }: ApiContext, request: FastifyRequest, ident: string | undefined): Promise<void> {
  if (ident === undefined || allows(request, sees, nobodys)) return;
  const [node] = await store.nodes.pick(['owner', 'lessee'], nodeKey(ident));
  if (!node || !seesNode(request, node)) throw new Fault('notFound', { what: 'Node', id: ident });
}

type Listed = 'node' | 'port' | 'portgroup' | 'volume';

/** The project whose nodes a list shows; undefined: of all. @param owner a filter @throws Fault `forbidden` */
export function listProject(request: FastifyRequest, noun: Listed, owner?: string): string | undefined {
  if (allows(request, `baremetal:${noun}:list_all`)) return undefined;
  const { project_id } = request.caller;
  if (!project_id || (owner !== undefined && owner !== project_id)) authorize(request, `baremetal:${noun}:list_all`);
  return project_id;
}

/** The parts of nodes that this project owns or leases. */
export function ofProject(project: string | undefined): Condition[] {
  if (project === undefined) return [];
  const where = [anyOf(isEqual('owner', project), isEqual('lessee', project))];
  return [isAmong('node_uuid', { table: 'nodes', select: 'uuid', where })];
}
