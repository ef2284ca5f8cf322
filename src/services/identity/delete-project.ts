/** The end of a project, and of all projects of a domain. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import type { Project } from '#store/tables/projects.ts';
import { networkResourcesOf, removeDefaultsOf } from '../network/of-project.ts';
import type { StoreContext } from './context.ts';
import { removeAssociationsOf } from './remove-associations.ts';
import { removeTrusts } from './remove-trusts.ts';
import { refuseDelete } from './resource-options.ts';

/** A project with resources cannot be deleted: nothing may be left without an owner. */
export async function deleteProject({ store }: StoreContext, { id }: Project): Promise<void> {
  await store.transaction(async (trx) => {
    const project = await trx.projects.find({ id });
    if (!project) throw new Fault('notFound', { what: 'Project', id });
    refuseDelete('project', project);
    await refuseParents(trx, id);
    await removeProject(trx, project);
  });
}

async function refuseParents(store: Store, id: string): Promise<void> {
  if ((await store.projects.pick(['id'], { parent_id: id }, { limit: 1 })).length === 0) return;
  const detail = `Cannot delete the project ${id} since it is not a leaf in the hierarchy. Use the cascade option if you want to delete a whole subtree.`;
  throw new Fault('forbidden', { detail });
}

/** With what belongs to it in this service. */
export async function removeProject(store: Store, project: Project): Promise<void> {
  await refuseInUse(store, project);
  const scope = { scope_type: 'project', scope_id: project.id } as const;
  await store.role_assignments.remove(scope);
  await store.scope_token_revisions.remove(scope);
  await store.application_credentials.remove({ project_id: project.id });
  await removeTrusts(store, { project_id: project.id });
  await removeDefaultsOf(store, project.id);
  await store.credentials.remove({ project_id: project.id });
  await store.limits.remove({ project_id: project.id });
  await removeAssociationsOf(store, { project_id: project.id });
  await store.users.update({ project_id: project.id }, { project_id: '' });
  await store.projects.remove({ id: project.id });
}

/** @throws Fault `conflict` */
export async function refuseInUse(store: Store, project: Project): Promise<void> {
  const live = (await store.servers.pick(['vm_state'], { project_id: project.id })).filter(
    (server) => server.vm_state !== 'deleted',
  );
  const counts = {
    servers: live.length,
    ...(await networkResourcesOf(store, project.id)),
    images: (await store.images.pick(['id'], { owner: project.id })).length,
  };
  const left = Object.entries(counts).filter(([, count]) => count > 0);
  if (left.length === 0) return;
  const detail = `Project ${project.name} still has ${left.map(([noun, count]) => `${count} ${noun}`).join(', ')}.`;
  throw new Fault('conflict', { detail });
}
