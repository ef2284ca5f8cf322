/** The projects above and below a project, as lists or nested ids. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { ancestorsOf, parentsAsIds, subtreeAsIds, subtreeOf } from '#services/identity/project-tree.ts';
import { projectsOf } from '#services/identity/projects.ts';
import type { Project } from '#store/tables/projects.ts';
import type { ApiContext } from '../context.ts';
import { ProjectReply, projectView, type ShownProject } from './project-view.ts';
import { isSet } from './query-flags.ts';

const flag = Type.Optional(Type.String());
export const FamilyQuery = Type.Object({
  ...{ parents_as_list: flag, parents_as_ids: flag, subtree_as_list: flag, subtree_as_ids: flag },
});
type FamilyQuery = Static<typeof FamilyQuery>;

const Relatives = Type.Union([Type.Array(ProjectReply), Type.Object({}), Type.Null()]);
export const ProjectWithFamily = Type.Object({
  project: Type.Unsafe<object>(
    Type.Intersect([
      ProjectReply.properties.project,
      Type.Object({ parents: Type.Optional(Relatives), subtree: Type.Optional(Relatives) }),
    ]),
  ),
});

type Asked = { readonly project: ShownProject; readonly query: FamilyQuery };

/** Lists have only projects in which the caller has a role, as in Keystone; ids are of all. */
export async function familyOf(context: ApiContext, request: FastifyRequest, { project, query }: Asked) {
  refuseBoth(query, 'parents_as_list', 'parents_as_ids');
  refuseBoth(query, 'subtree_as_list', 'subtree_as_ids');
  const { store } = context;
  const family: { parents?: unknown; subtree?: unknown } = {};
  const above = async () => (project.is_domain ? [] : ancestorsOf(store, project));
  if (isSet(query.parents_as_list)) family.parents = await shown(context, request, await above());
  if (isSet(query.parents_as_ids)) family.parents = project.is_domain ? null : parentsAsIds(await above(), project.domain_id);
  if (isSet(query.subtree_as_list)) family.subtree = await shown(context, request, await subtreeOf(store, [project.id]));
  if (isSet(query.subtree_as_ids)) family.subtree = subtreeAsIds(project.id, await subtreeOf(store, [project.id]));
  return family;
}

function refuseBoth(query: FamilyQuery, list: keyof FamilyQuery, ids: keyof FamilyQuery): void {
  if (!isSet(query[list]) || !isSet(query[ids])) return;
  throw new Fault('badRequest', { detail: `Cannot use ${list} and ${ids} query params at the same time.` });
}

async function shown(context: ApiContext, request: FastifyRequest, projects: readonly Project[]) {
  if (projects.length === 0) return [];
  const own = new Set((await projectsOf(context, request.caller.user_id)).map(({ id }) => id));
  const view = projectView.of(request, context);
  return projects.filter(({ id }) => own.has(id)).map((project) => ({ project: view(project) }));
}
