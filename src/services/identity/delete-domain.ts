/** The end of a domain, with its users, groups, projects and roles. */
import { Fault } from '#domain/faults.ts';
import type { Store } from '#store/store.ts';
import { refuseInUse, removeProject } from './delete-project.ts';
import type { DirectoryContext } from './directory/read-only.ts';
import { getDomain, refuseDefault } from './domains.ts';
import { removeProvider } from './federation/providers.ts';
import { removeGroup } from './groups.ts';
import { subtreeOf } from './project-tree.ts';
import { refuseDelete } from './resource-options.ts';
import { removeRole } from './roles.ts';
import { removeUser } from './users.ts';

/**
 * A domain must be disabled before, and none of its projects may have resources. What is in it goes one by one: a domain
 * may have thousands of users, and a long transaction would delay all others. What a crash leaves goes with the next request.
 */
export async function deleteDomain({ store, directory }: DirectoryContext, id: string): Promise<void> {
  if (directory?.owns({ domain_id: id }))
    throw new Fault('forbidden', {
      detail: `Domain ${id} has the users of the LDAP directory of the settings and cannot be deleted.`,
    });
  await checkDeletable(store, id);
  // In their domain are the projects at the top.
  const projects = await subtreeOf(store, [id]);
  for (const project of projects) {
    refuseDelete('project', project);
    await refuseInUse(store, project);
  }
  const step = (work: (trx: Store) => Promise<void>) =>
    store.transaction(async (trx) => {
      await checkDeletable(trx, id);
      await work(trx);
    });
  for (const project of projects.toReversed()) await step((trx) => removeProject(trx, project));
  for (const user of await store.users.list({ domain_id: id })) await step((trx) => removeUser(trx, user));
  for (const group of await store.groups.list({ domain_id: id })) await step((trx) => removeGroup(trx, group.id));
  await step((trx) => removeDomain(trx, id));
}

async function checkDeletable(store: Store, id: string): Promise<void> {
  const domain = await getDomain({ store }, id);
  refuseDefault(domain, 'deleted');
  refuseDelete('domain', domain);
  if (domain.enabled)
    throw new Fault('forbidden', { detail: 'Cannot delete a domain that is enabled, please disable it first.' });
}

async function removeDomain(store: Store, id: string): Promise<void> {
  const inside = { domain_id: id };
  const left = [
    ...(await store.projects.pick(['id'], inside, { limit: 1 })),
    ...(await store.users.pick(['id'], inside, { limit: 1 })),
    ...(await store.groups.pick(['id'], inside, { limit: 1 })),
  ];
  if (left.length > 0) throw new Fault('conflict', { detail: `Something was created in the domain ${id} while it was deleted.` });
  for (const provider of await store.identity_providers.list(inside)) await removeProvider(store, provider);
  for (const role of await store.roles.list(inside)) await removeRole(store, role.id);
  // The revisions of its tokens stay: a later domain may be given the same id.
  await store.role_assignments.remove({ scope_type: 'domain', scope_id: id });
  await store.limits.remove({ domain_id: id });
  await store.domains.remove({ id });
}
