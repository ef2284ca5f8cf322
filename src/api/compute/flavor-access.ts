/** `/flavors/{id}/os-flavor-access` and its actions (nova/api/openstack/compute/flavor_access.py). */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { accessList, addAccess, removeAccess } from '#services/compute/flavor-access.ts';
import { findFlavor } from '#services/compute/flavors.ts';
import type { FlavorAccess } from '#store/tables/flavor-access.ts';
import type { ApiContext } from '../context.ts';
import { atLeast } from '../http/microversions.ts';
import { sightOf } from './flavors.ts';
import { route } from './policy.ts';

const Tenant = Type.Object({ tenant: Type.String({ minLength: 1, maxLength: 255 }) }, { additionalProperties: false });
const AccessReply = Type.Object({
  flavor_access: Type.Array(Type.Object({ flavor_id: Type.String(), tenant_id: Type.String() })),
});
const action = { method: 'POST', path: '/flavors/:id/action', reply: AccessReply } as const;
/** From this minor version on a public flavor takes no access. */
const privateOnlySince = 7;

export const flavorAccessRoutes = [
  route({
    method: 'GET',
    path: '/flavors/:id/os-flavor-access',
    policy: 'os_compute_api:os-flavor-access',
    summary: 'List the projects that may use a private flavor',
    reply: AccessReply,
    async handler(request, context) {
      const flavor = await findFlavor(context, request.params.id, sightOf(request));
      return showAccess(await accessList(context, flavor));
    },
  }),
  route({
    ...action,
    action: 'addTenantAccess',
    policy: 'os_compute_api:os-flavor-access:add_tenant_access',
    summary: 'Let a project use a private flavor',
    body: Type.Object({ addTenantAccess: Tenant }, { additionalProperties: false }),
    async handler(request, context) {
      const { tenant } = request.body.addTenantAccess;
      await requireProject(context, tenant);
      const flavor = await findFlavor(context, request.params.id, sightOf(request));
      if (flavor.is_public && atLeast(request.microversion, privateOnlySince))
        throw new Fault('conflict', { detail: 'Can not add access to a public flavor.' });
      return showAccess(await addAccess(context, flavor, tenant));
    },
  }),
  route({
    ...action,
    action: 'removeTenantAccess',
    policy: 'os_compute_api:os-flavor-access:remove_tenant_access',
    summary: 'Take a private flavor away from a project',
    body: Type.Object({ removeTenantAccess: Tenant }, { additionalProperties: false }),
    async handler(request, context) {
      const { tenant } = request.body.removeTenantAccess;
      const flavor = await findFlavor(context, request.params.id, sightOf(request));
      return showAccess(await removeAccess(context, flavor, tenant));
    },
  }),
];

function showAccess(rows: readonly FlavorAccess[]) {
  return { flavor_access: rows.map(({ flavor_id, project_id }) => ({ flavor_id, tenant_id: project_id })) };
}

/** Nova asks Keystone; the projects of another Keystone than Ingot's are not known here, and are believed. */
async function requireProject({ store, settings }: ApiContext, id: string): Promise<void> {
  if (settings['keystone.auth_url'] || (await store.projects.find({ id }))) return;
  throw new Fault('badRequest', { detail: `Project ID ${id} is not a valid project.` });
}
