/** Roles of the cloud and of domains. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { createRole, deleteRole, listRoles, updateRole } from '#services/identity/roles.ts';
import type { Role } from '#store/tables/roles.ts';
import type { ApiContext } from '../context.ts';
import { type ListFields, textField } from '../http/list.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { Maybe } from '../http/schemas.ts';
import { collectionLinks, listQuery, readListQuery } from './list-query.ts';
import { authorize, route } from './policy.ts';
import { roleView } from './role-view.ts';
import { CollectionLinks, OptionFields, refuseNewId } from './schemas.ts';

const RoleRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 255, pattern: somethingVisible }),
  description: Maybe(Type.String()),
  domain_id: Maybe(Type.String()),
  options: Type.Optional(OptionFields),
});
const RoleReply = Type.Object({ role: roleView.schema });

const roleFields: ListFields = { name: textField('name') };

export const roleRoutes = [
  route({
    method: 'GET',
    path: '/roles',
    policy: 'identity:list_roles',
    summary: 'List the roles of the cloud, or of a domain',
    query: Type.Object({ ...listQuery(roleFields).properties, domain_id: Type.Optional(Type.String()) }),
    reply: Type.Object({ roles: Type.Array(roleView.schema), links: CollectionLinks }),
    async handler(request, context) {
      const { domain_id = '' } = request.query as { domain_id?: string };
      if (domain_id !== '') authorize(request, 'identity:list_domain_roles');
      const page = await listRoles(context, domain_id, readListQuery(request.query, roleFields));
      const links = collectionLinks(context, request, '/roles', page);
      return { roles: page.items.map(roleView.of(request, context)), links };
    },
  }),
  route({
    method: 'GET',
    path: '/roles/:id',
    policy: 'identity:get_role',
    summary: 'Show a role',
    reply: RoleReply,
    handler: async (request, context) => ({
      role: roleView.of(request, context)(await findRole(context, request, 'get')),
    }),
  }),
  route({
    method: 'POST',
    path: '/roles',
    policy: 'identity:create_role',
    summary: 'Create a role of the cloud, or of a domain',
    status: 201,
    body: Type.Object({ role: RoleRequest }, { additionalProperties: false }),
    reply: RoleReply,
    async handler(request, context) {
      if (request.body.role.domain_id) authorize(request, 'identity:create_domain_role');
      return { role: roleView.of(request, context)(await createRole(context, request.body.role)) };
    },
  }),
  route({
    method: 'PATCH',
    path: '/roles/:id',
    policy: 'identity:update_role',
    summary: 'Change a role',
    body: Type.Object({ role: Type.Partial(RoleRequest, { minProperties: 1 }) }, { additionalProperties: false }),
    reply: RoleReply,
    async handler(request, context) {
      const { id } = await findRole(context, request, 'update');
      refuseNewId(request.body.role, id);
      return { role: roleView.of(request, context)(await updateRole(context, id, request.body.role)) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/roles/:id',
    policy: 'identity:delete_role',
    summary: 'Delete a role, with its assignments',
    status: 204,
    async handler(request, context) {
      const { id } = await findRole(context, request, 'delete');
      await deleteRole(context, id);
    },
  }),
];

/** A role of a domain has rules of its own. */
async function findRole(context: ApiContext, request: FastifyRequest, action: 'get' | 'update' | 'delete'): Promise<Role> {
  const { id } = request.params as { id: string };
  const role = await context.store.roles.find({ id });
  if (role && role.domain_id !== '') authorize(request, `identity:${action}_domain_role`);
  if (!role) throw new Fault('notFound', { what: 'Role', id });
  return role;
}
