/**
 * A resource of the network service as data, and its routes: what all have in common is here (lists, bulk creation,
 * revisions, policy rules), a resource's file has its fields and names its use cases.
 */
import type { FastifyRequest } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { asSeenBy } from '#services/network/visibility.ts';
import type { Condition } from '#store/conditions.ts';
import { listRows, type TableReading } from '#store/list.ts';
import type { Store } from '#store/store.ts';
import type { RevisedCollection, UnnamedAttributes } from '#store/tables/standard-attributes.ts';
import type { ApiContext } from '../context.ts';
import type { ListFields } from '../http/list.ts';
import type { PolicyTarget } from '../http/policy/check-language.ts';
import type { Row } from '../http/route.ts';
import { Links } from '../http/schemas.ts';
import type { View } from '../http/view.ts';
import { fieldsQuery, listBody, listQuery, project, readNetworkQuery } from './list-query.ts';
import { allows, authorize, authorizeAttributes, type NetworkRule, route, targetIn } from './policy.ts';
import { refuseOtherRevision } from './revisions.ts';

/** In a handler that writes, the store is its transaction. */
export type Call = { readonly request: FastifyRequest; readonly context: ApiContext };

type Creation<R, Fields> = {
  readonly body: TSchema;
  /** Anyone may set an attribute to its default. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Target of the rules; default: what belongs to the caller. */
  readonly target?: (call: Call, fields: Fields) => Promise<PolicyTarget> | PolicyTarget;
  /** Checks a request for several as a whole. */
  readonly together?: (fields: readonly Fields[]) => void;
  readonly run: (call: Call, fields: Fields) => Promise<R>;
};
type Change<R, Fields> = {
  readonly body: TSchema;
  /** The attributes that differ from what is there: clients send back what they have read. */
  readonly changes?: (row: R, fields: Fields) => Fields;
  readonly run: (call: Call, row: R, fields: Fields) => Promise<unknown>;
};

export type Resource<R extends UnnamedAttributes, Item, New, Changes> = {
  /** `security_group`: in bodies and rules. */
  readonly noun: string;
  readonly plural: string;
  /** `security-groups` */
  readonly path: string;
  /** `a security group`, for the documentation. */
  readonly title: string;
  readonly collection: (store: Store) => RevisedCollection<R>;
  readonly table: TableReading;
  /** Which rows exist for the caller. */
  readonly visible: (caller: Caller) => readonly Condition[];
  readonly missing: (id: string) => Fault;
  readonly fields: ListFields;
  /** Filters that only some callers have; default: those of `fields`. */
  readonly fieldsFor?: (request: FastifyRequest) => ListFields;
  readonly view: View<Item, object>;
  /** With what is shown beside the row. */
  readonly items: (call: Call, rows: readonly R[]) => Promise<readonly Item[]>;
  /** Targets of the rules; default: the row alone. */
  readonly targets?: (call: Call, rows: readonly R[]) => Promise<readonly PolicyTarget[]>;
  /** They belong to no project: the rule shows all or none. */
  readonly isOfAll?: true;
  readonly beforeList?: (call: Call) => Promise<void>;
  readonly create?: Creation<R, New>;
  readonly update?: Change<R, Changes>;
  readonly remove?: (call: Call, row: R) => Promise<void>;
};

// biome-ignore lint/suspicious/noExplicitAny: each resource has types of its own
export type AnyResource = Resource<any, any, any, any>;

/** Resources of one request. */
const mostAtOnce = 100;

/** A resource with the types of its row and requests. */
export function resourceOf<R extends UnnamedAttributes, New = unknown, Changes = unknown>() {
  return <Item>(resource: Resource<R, Item, New, Changes>) => resource;
}

export function resourceRoutes(resource: AnyResource): Row[] {
  return [
    listRoute(resource),
    showRoute(resource),
    ...(resource.create ? [createRoute(resource, resource.create)] : []),
    ...(resource.update ? [updateRoute(resource, resource.update)] : []),
    ...(resource.remove ? [deleteRoute(resource, resource.remove)] : []),
  ];
}

const ruleOf = ({ noun }: AnyResource, verb: string) => `${verb}_${noun}` as NetworkRule;

export async function targetsOf({ targets }: AnyResource, call: Call, rows: readonly UnnamedAttributes[]) {
  return targets ? targets(call, rows) : rows.map((row) => targetIn(undefined, row));
}

/** @throws Fault as `missing` if it does not exist for the caller */
export async function findRow(resource: AnyResource, call: Call, id: string) {
  const { caller } = call.request;
  const [row] = await resource.collection(call.context.store).list([...resource.visible(caller), idIs(resource, id)]);
  const [target] = row ? await targetsOf(resource, call, [row]) : [];
  if (!row || !allows(call.request, ruleOf(resource, 'get'), target)) throw resource.missing(id);
  return { row, target: target as PolicyTarget };
}

const idIs = ({ table }: AnyResource, id: string): Condition => ({
  operator: 'oneOf',
  operand: { column: table.id, values: [id] },
});

async function render(resource: AnyResource, call: Call, rows: readonly object[]): Promise<object[]> {
  const items = await resource.items(call, rows);
  return items.map(resource.view.of(call.request, call.context));
}

function listRoute(resource: AnyResource): Row {
  const { plural, path, fields, fieldsFor, view, table, visible, beforeList, isOfAll = false } = resource;
  return route({
    method: 'GET',
    path: `/${path}` as '/x',
    policy: ruleOf(resource, 'get'),
    denied: 'nothing',
    summary: `List ${path.replace('qos/', 'QoS ').replaceAll(/[-_]/g, ' ')}`,
    query: listQuery(fields),
    reply: Type.Object({ [plural]: Type.Array(view.schema), [`${plural}_links`]: Type.Optional(Links) }),
    async handler(request, context) {
      const call = { request, context };
      const query = readNetworkQuery(request.query, fieldsFor?.(request) ?? fields);
      if (isOfAll && !allows(request, ruleOf(resource, 'get'))) return { [plural]: [] };
      await beforeList?.(call);
      const source = { collection: resource.collection(context.store), table, visible: visible(request.caller) };
      const page = await listRows(source, query);
      const targets = await targetsOf(resource, call, page.items);
      const rows = page.items.filter((_, index) => allows(request, ruleOf(resource, 'get'), targets[index]));
      // A marker names what the caller sees: the last such row, where the page ends with others.
      const edge = (query.reverse ? rows[0] : rows.at(-1)) as Readonly<Record<string, unknown>> | undefined;
      const next = page.next && edge && String(edge[table.id]);
      return listBody(call, plural, { items: await render(resource, call, rows), next });
    },
  });
}

function showRoute(resource: AnyResource): Row {
  const { noun, path, view, title } = resource;
  return route({
    method: 'GET',
    path: `/${path}/:id` as '/x/:id',
    policy: ruleOf(resource, 'get'),
    denied: 'nothing',
    summary: `Show ${title}`,
    query: fieldsQuery,
    reply: Type.Object({ [noun]: view.schema }),
    async handler(request, context) {
      const call = { request, context };
      const { row } = await findRow(resource, call, request.params.id);
      const [body = {}] = await render(resource, call, [row]);
      return { [noun]: project(body, request.query) };
    },
  });
}

/** The networks of subnets or ports, by id. */
export async function networksOfAll({ request, context: { store } }: Call, rows: readonly { network_id: string }[]) {
  const networks = await store.networks.list({ id: [...new Set(rows.map(({ network_id }) => network_id))] });
  return new Map((await asSeenBy(store, request.caller, networks)).map((network) => [network.id, network]));
}

/** Of resources that are shared by RBAC policies. */
export async function sharedTargets({ request, context: { store } }: Call, rows: readonly UnnamedAttributes[]) {
  const seen = await asSeenBy(store, request.caller, rows);
  return seen.map((row) => ({ ...targetIn(undefined, row), shared: row.shared }));
}

type Body = Readonly<Record<string, unknown>>;

function createRoute(resource: AnyResource, { body, defaults, target, together, run }: Creation<unknown, unknown>): Row {
  const { noun, plural, path, title, view } = resource;
  const rule = ruleOf(resource, 'create');
  return route({
    method: 'POST',
    path: `/${path}` as '/x',
    policy: rule,
    summary: `Create ${title}, or several`,
    status: 201,
    body: Type.Object({
      [noun]: Type.Optional(body),
      [plural]: Type.Optional(Type.Array(body, { minItems: 1, maxItems: mostAtOnce })),
    }),
    reply: Type.Union([Type.Object({ [noun]: view.schema }), Type.Object({ [plural]: Type.Array(view.schema) })]),
    handler(request, context) {
      const given = request.body as Body;
      const several = given[plural] as Body[] | undefined;
      const wanted = several ?? [only(given, noun)];
      if (several) together?.(several);
      // All or none.
      return context.store.transaction(async (store) => {
        const call = { request, context: { ...context, store } };
        const rows: object[] = [];
        for (const fields of wanted) {
          const { project_id, tenant_id } = fields as { project_id?: string; tenant_id?: string };
          const owner = { ...fields, project_id: project_id ?? tenant_id ?? request.caller.project_id };
          const at = target ? await target(call, fields) : targetIn(undefined, owner);
          authorize(request, rule, at);
          authorizeAttributes(request, rule as `create_${string}`, { fields, target: at, ...(defaults && { defaults }) });
          rows.push((await run(call, fields)) as object);
        }
        const bodies = await render(resource, call, rows);
        return several ? { [plural]: bodies } : { [noun]: bodies[0] as object };
      });
    },
  });
}

/** With Neutron's words. */
function only(body: Body, noun: string): Body {
  const fields = body[noun];
  if (typeof fields === 'object' && fields !== null) return fields as Body;
  throw new Fault('badRequest', { detail: `Unable to find '${noun}' in request body`, type: 'HTTPBadRequest' });
}

function updateRoute(resource: AnyResource, { body, changes, run }: Change<unknown, unknown>): Row {
  const { noun, path, title, view } = resource;
  const rule = ruleOf(resource, 'update');
  return route({
    method: 'PUT',
    path: `/${path}/:id` as '/x/:id',
    policy: rule,
    summary: `Change ${title}`,
    body: Type.Object({ [noun]: body }),
    reply: Type.Object({ [noun]: view.schema }),
    handler(request, context) {
      const given = (request.body as Body)[noun] as object;
      return context.store.transaction(async (store) => {
        const call = { request, context: { ...context, store } };
        const { row, target } = await findRow(resource, call, request.params.id);
        const fields = (changes ? changes(row, given) : given) as object;
        const changed = { ...target, ...fields };
        authorize(request, rule, changed);
        authorizeAttributes(request, rule as `update_${string}`, { fields, target: changed });
        refuseOtherRevision(request, row);
        await run(call, row, given);
        const after = await resource.collection(store).list([idIs(resource, request.params.id)]);
        const [shown = {}] = await render(resource, call, after);
        return { [noun]: shown };
      });
    },
  });
}

function deleteRoute(resource: AnyResource, remove: (call: Call, row: unknown) => Promise<void>): Row {
  const { path, title } = resource;
  return route({
    method: 'DELETE',
    path: `/${path}/:id` as '/x/:id',
    policy: ruleOf(resource, 'delete'),
    summary: `Delete ${title}`,
    status: 204,
    async handler(request, context) {
      await context.store.transaction(async (store) => {
        const call = { request, context: { ...context, store } };
        const { row, target } = await findRow(resource, call, request.params.id);
        authorize(request, ruleOf(resource, 'delete'), target);
        refuseOtherRevision(request, row);
        await remove(call, row);
      });
    },
  });
}
