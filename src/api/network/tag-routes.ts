/** `/{resources}/{id}/tags`: the tags of a resource, all or one of them. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { networkFault } from '#services/network/errors.ts';
import { longestTag, requireTag, setTags, type Tagged } from '#services/network/tags.ts';
import type { ApiContext } from '../context.ts';
import type { Method, Row } from '../http/route.ts';
import { authorize, type NetworkRule, route } from './policy.ts';
import { type AnyResource, type Call, findRow } from './resource.ts';
import { refuseOtherRevision } from './revisions.ts';

const Tags = Type.Object({ tags: Type.Array(Type.String({ maxLength: longestTag }), { maxItems: 1000 }) });
const AllTags = Type.Object({ tags: Type.Array(Type.String()) });

type Verb = 'get' | 'create' | 'update' | 'delete';
type TagRequest = FastifyRequest<{ Params: { id: string; tag?: string } }>;

/** @param change the tags that the resource is to have; undefined: it is only read */
type Kind = {
  readonly method: Method;
  readonly verb: Verb;
  readonly summary: string;
  readonly status?: number;
  readonly change?: (tags: readonly string[], named: readonly string[]) => readonly string[];
};

const listKinds: readonly Kind[] = [
  { method: 'GET', verb: 'get', summary: 'List the tags' },
  { method: 'POST', verb: 'create', status: 201, summary: 'Add tags', change: (tags, named) => [...tags, ...named] },
  { method: 'PUT', verb: 'update', summary: 'Replace the tags', change: (_, named) => named },
  { method: 'DELETE', verb: 'delete', status: 204, summary: 'Remove the tags', change: () => [] },
];
const oneKinds: readonly Kind[] = [
  { method: 'GET', verb: 'get', status: 204, summary: 'Whether there is a tag' },
  { method: 'PUT', verb: 'update', status: 201, summary: 'Add a tag', change: (tags, named) => [...tags, ...named] },
  {
    ...{ method: 'DELETE', verb: 'delete', status: 204, summary: 'Remove a tag' },
    change: (tags, [named]) => tags.filter((tag) => tag !== named),
  },
];

export function tagRoutes(resource: AnyResource): Row[] {
  return [...listKinds.map((kind) => listRoute(resource, kind)), ...oneKinds.map((kind) => oneRoute(resource, kind))];
}

function listRoute(resource: AnyResource, { method, verb, summary, status = 200, change }: Kind): Row {
  const hasBody = method === 'PUT' || method === 'POST';
  const row = {
    ...{ method, status, policy: ruleOf(resource, verb) },
    path: `/${resource.path}/:id/tags` as '/x/:id/tags',
    summary: `${summary} of ${resource.title}`,
    ...(hasBody && { body: Tags }),
  } as const;
  const tagsOf = (request: TagRequest, context: ApiContext) =>
    tagged(resource, { request, context }, { verb, named: hasBody ? namedIn(request.body) : [], change });
  if (status === 204) return route({ ...row, handler: async (request, context) => void (await tagsOf(request, context)) });
  return route({
    ...row,
    reply: AllTags,
    async handler(request, context) {
      const tags = await tagsOf(request, context);
      return { tags: hasBody ? namedIn(request.body) : [...tags] };
    },
  });
}

/** @throws Fault `invalidInput` for a tag that is there twice */
function namedIn(body: unknown): string[] {
  const { tags } = body as { tags: string[] };
  if (new Set(tags).size === tags.length) return tags;
  const detail = `Duplicate items in the list: '${tags.filter((tag, index) => tags.indexOf(tag) !== index).join(', ')}'`;
  throw new Fault('invalidInput', { detail });
}

function oneRoute(resource: AnyResource, { method, verb, summary, status = 200, change }: Kind): Row {
  return route({
    ...{ method, status, policy: ruleOf(resource, verb) },
    path: `/${resource.path}/:id/tags/:tag` as '/x/:id/tags/:tag',
    summary: `${summary} of ${resource.title}`,
    async handler(request, context) {
      const { tag } = request.params;
      if (tag.length > longestTag)
        throw new Fault('invalidInput', { detail: `'${tag}' exceeds maximum length of ${longestTag}` });
      await tagged(resource, { request, context }, { verb, named: [tag], change, isThere: method !== 'PUT' });
    },
  });
}

const ruleOf = ({ noun }: AnyResource, verb: Verb) => `${verb}_${noun}:tags` as NetworkRule;

type Tagging = Pick<Kind, 'verb' | 'change'> & { named: readonly string[]; isThere?: boolean };

/** The tags after the change. */
function tagged(resource: AnyResource, { request, context }: Call, tagging: Tagging): Promise<readonly string[]> {
  const { verb, named, change, isThere = false } = tagging;
  const { id } = request.params as { id: string };
  const missing = () => networkFault('TagResourceNotFound', `Resource ${resource.plural} ${id} could not be found.`);
  return context.store.transaction(async (store) => {
    const call = { request, context: { ...context, store } };
    const { row, target } = await findRow({ ...resource, missing }, call, id);
    authorize(request, ruleOf(resource, verb), target);
    if (change) refuseOtherRevision(request, row);
    const { tags } = row as Tagged;
    if (isThere) requireTag(row, named[0] ?? '');
    const next = change ? change(tags, named) : tags;
    if (change) await setTags(resource.collection(store), row, next);
    return next;
  });
}
