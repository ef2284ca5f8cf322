/** The end of a domain, with its users, groups, projects and roles. */
import { Fault } from '#domain/faults.ts';
import type { StoreContext } from './context.ts';
import { removeProject } from './delete-project.ts';
import { getDomain, refuseDefault } from './domains.ts';
import { removeGroup } from './groups.ts';
import { refuseDelete } from './resource-options.ts';
import { removeRole } from './roles.ts';
import { removeUser } from './users.ts';

/** A domain must be disabled before, and none of its projects may have resources. */
export async function deleteDomain({ store }: StoreContext, id: string): Promise<void> {
  await store.transaction(async (trx) => {
    const domain = await getDomain({ store: trx }, id);
    refuseDefault(domain, 'deleted');
    refuseDelete('domain', domain);
    if (domain.enabled)
      throw new Fault('forbidden', { detail: 'Cannot delete a domain that is enabled, please disable it first.' });
    for (const project of await trx.projects.list({ domain_id: id })) {
      refuseDelete('project', project);
      await removeProject(trx, project);
    }
    for (const user of await trx.users.list({ domain_id: id })) await removeUser(trx, user);
    for (const group of await trx.groups.list({ domain_id: id })) await removeGroup(trx, group.id);
    for (const role of await trx.roles.list({ domain_id: id })) await removeRole(trx, role.id);
    const scope = { scope_type: 'domain', scope_id: id } as const;
    await trx.role_assignments.remove(scope);
    await trx.scope_token_revisions.remove(scope);
    await trx.domains.remove({ id });
  });
}
