/** `/v1/runbooks`: steps of cleaning or service under a name. Projects have runbooks of their own. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { JsonPatch, membersOf, recordBytes } from '#services/baremetal/json-patch.ts';
import {
  createRunbook,
  deleteRunbook,
  EarlierRunbookRequest,
  findRunbook,
  listRunbooks,
  patchRunbook,
  RunbookRequest,
} from '#services/baremetal/runbooks.ts';
import { declaredSecrets } from '#services/baremetal/secrets.ts';
import type { Runbook } from '#store/tables/runbooks.ts';
import type { ApiContext } from '../context.ts';
import { atLeast } from '../http/microversions.ts';
import { nextMember } from '../http/pagination.ts';
import { field, refuseLaterSortKey, type Selection, selectFields } from './fields.ts';
import { linksTo } from './links.ts';
import { PageQuery, pageOf, selectionOf, Word } from './page-query.ts';
import { allows, authorize, authorizeSteps, type BaremetalRule, route } from './policy.ts';
import { shownSteps } from './shown-steps.ts';

const Reply = Type.Record(Type.String(), Type.Unknown());
const RunbookQuery = Type.Interface([PageQuery], { project: Type.Optional(Type.Boolean()) });

type View = { runbook: Runbook; base: string; secrets: ReadonlySet<string> };
const plain = (name: keyof Runbook, since = 1) => field<View>(name, since, ({ runbook }) => runbook[name]);

const runbookFields = [
  ...(['uuid', 'name', 'extra', 'public', 'owner', 'disable_ramdisk'] as const).map((name) => plain(name)),
  field<View>('steps', 1, ({ runbook, secrets }) => shownSteps(runbook.steps, secrets)),
  plain('description', 112),
  plain('traits', 112),
  plain('created_at'),
  plain('updated_at'),
  field<View>('links', 1, ({ runbook, base }) => linksTo(base, `runbooks/${runbook.uuid}`)),
];
const briefFields = ['uuid', 'name'];

const creation = { method: 'POST', path: '/runbooks', policy: 'baremetal:runbook:create', status: 201 } as const;

export const runbookRoutes = [
  route({
    method: 'GET',
    path: '/runbooks',
    policy: 'baremetal:runbook:list',
    since: 92,
    summary: 'List runbooks',
    query: RunbookQuery,
    reply: Type.Object({ runbooks: Type.Array(Reply), next: Word }),
    handler: (request, context) => runbookList(context, request, request.query),
  }),
  route({
    ...{ ...creation, since: 92, until: 111, body: EarlierRunbookRequest, bodyLimit: recordBytes, reply: Reply },
    summary: 'Create a runbook, whose name is a trait',
    handler: (request, context, reply) => created(context, request, reply),
  }),
  route({
    ...{ ...creation, since: 112, body: RunbookRequest, bodyLimit: recordBytes, reply: Reply },
    summary: 'Create a runbook',
    handler: (request, context, reply) => created(context, request, reply),
  }),
  route({
    method: 'GET',
    path: '/runbooks/:runbook',
    policy: 'baremetal:runbook:get',
    since: 92,
    summary: 'Show a runbook',
    query: Type.Object({ fields: Word }),
    reply: Reply,
    async handler(request, context) {
      const runbook = await visibleRunbook(context, request, request.params.runbook);
      return runbookJson(context, request, { runbook, ...request.query });
    },
  }),
  route({
    method: 'PATCH',
    path: '/runbooks/:runbook',
    policy: 'baremetal:runbook:get',
    since: 92,
    summary: 'Change a runbook',
    bodyLimit: recordBytes,
    body: JsonPatch,
    reply: Reply,
    async handler(request, context) {
      const { uuid } = await permittedRunbook(context, request, request.params.runbook, rulesOf(request.body));
      const hasDescription = atLeast(request.microversion, 112);
      return runbookJson(context, request, {
        runbook: await patchRunbook(context, uuid, { patch: request.body, hasDescription }),
      });
    },
  }),
  route({
    method: 'DELETE',
    path: '/runbooks/:runbook',
    policy: 'baremetal:runbook:delete',
    since: 92,
    summary: 'Delete a runbook',
    status: 204,
    async handler(request, context) {
      const { uuid } = await permittedRunbook(context, request, request.params.runbook, ['baremetal:runbook:delete']);
      await deleteRunbook(context, uuid);
    },
  }),
];

const targetOf = ({ owner }: Runbook) => ({ 'runbook.owner': owner });

/** What the caller may not see is not there. */
export async function visibleRunbook(context: ApiContext, request: FastifyRequest, ident: string): Promise<Runbook> {
  const runbook = await findRunbook(context, ident);
  if (runbook.public || allows(request, 'baremetal:runbook:get', targetOf(runbook))) return runbook;
  throw new Fault('notFound', { what: 'Runbook', id: ident });
}

/** @param rules each of which must allow the request */
export async function permittedRunbook(
  context: ApiContext,
  request: FastifyRequest,
  ident: string,
  rules: readonly BaremetalRule[],
): Promise<Runbook> {
  const runbook = await visibleRunbook(context, request, ident);
  for (const rule of rules) authorize(request, rule, targetOf(runbook));
  return runbook;
}

/** What a patch needs: rules of their own for owner and publication, and one for the rest. */
function rulesOf(patch: Static<typeof JsonPatch>): BaremetalRule[] {
  const members = membersOf(patch);
  const rules: BaremetalRule[] = [];
  if (members.delete('owner')) rules.push('baremetal:runbook:update:owner');
  if (members.delete('public')) rules.push('baremetal:runbook:update:public');
  if (members.size > 0 || rules.length === 0) rules.push('baremetal:runbook:update');
  return rules;
}

type Creation = FastifyRequest<{ Body: Static<typeof RunbookRequest> }>;

async function created(context: ApiContext, request: Creation, reply: { header(name: string, value: unknown): unknown }) {
  authorizeSteps(request, request.body.steps);
  const runbook = await createRunbook(context, { ...request.body, ...ownership(request, request.body) });
  reply.header('location', linksTo(context.baseUrl(request), `runbooks/${runbook.uuid}`)[0]?.href);
  return runbookJson(context, request, { runbook });
}

/** A project has runbooks of its own, which are not public. */
function ownership(request: FastifyRequest, given: Static<typeof RunbookRequest>): { owner: string | null } {
  if (allows(request, 'baremetal:runbook:update:owner')) return { owner: given.owner ?? null };
  const project = request.caller.project_id;
  if (given.owner && given.owner !== project) {
    const detail = 'Cannot create a runbook as a project scoped admin with an owner other than your own project.';
    throw new Fault('badRequest', { detail });
  }
  if (given.public) throw new Fault('badRequest', { detail: 'Cannot create a public runbook as a project scoped admin.' });
  return { owner: project };
}

async function runbookList(context: ApiContext, request: FastifyRequest, query: Static<typeof RunbookQuery>) {
  const selection = selectionOf(query, briefFields);
  refuseLaterSortKey(runbookFields, query.sort_key, request.microversion);
  const isRestricted = !allows(request, 'baremetal:runbook:list_all');
  const project = isRestricted || query.project ? request.caller.project_id : undefined;
  const { items, next } = await listRunbooks(context, pageOf(query), project);
  const runbooks = items.map((runbook) => runbookJson(context, request, { runbook, ...selection }));
  return { runbooks, ...nextMember(context, request, next) };
}

type Shown = { runbook: Runbook } & Omit<Selection, 'version'>;

function runbookJson(context: ApiContext, request: FastifyRequest, { runbook, ...selection }: Shown) {
  const view = { runbook, base: context.baseUrl(request), secrets: declaredSecrets(context.drivers) };
  return selectFields(runbookFields, view, { ...selection, version: request.microversion });
}
