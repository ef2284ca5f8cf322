/** `/v1/nodes/{node}/locks`: who forbids what on a node, why, and until when. An addition of Ingot's. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { findNode } from '#services/baremetal/lookup.ts';
import { createLock, deleteLock, findLock, isOwnLock, LockKind, LockRequest, listLocks } from '#services/baremetal/node-locks.ts';
import type { NodeLock } from '#store/tables/node-locks.ts';
import type { Node } from '#store/tables/nodes.ts';
import { nextMember } from '../http/pagination.ts';
import { Nullable } from '../http/schemas.ts';
import { linksTo } from './links.ts';
import { allows, authorize, nodeTarget, route } from './policy.ts';

const LockReply = Type.Object({
  id: Type.String(),
  node_uuid: Type.String(),
  kind: LockKind,
  reason: Type.String(),
  /** Who set it; the project is null for a token of the system. */
  owner: Type.Object({ project_id: Nullable(Type.String()), user_id: Type.String(), user_name: Type.String() }),
  expires_at: Nullable(Type.String()),
  created_at: Type.String(),
  links: Type.Array(Type.Object({ href: Type.String(), rel: Type.String() })),
});

const LockPage = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  marker: Type.Optional(Type.String()),
});

export const nodeLockRoutes = [
  route({
    method: 'GET',
    path: '/nodes/:node/locks',
    policy: 'baremetal:node:lock:get',
    summary: 'List the locks of a node (Ingot extension)',
    query: LockPage,
    reply: Type.Object({ locks: Type.Array(LockReply), next: Type.Optional(Type.String()) }),
    async handler(request, context) {
      const node = await findNode(context, request.params.node);
      const { items, next } = await listLocks(context, node, request.query);
      const base = context.baseUrl(request);
      return {
        locks: items.map((lock) => lockJson(lock, base)),
        ...nextMember(context, request, next),
      };
    },
  }),
  route({
    method: 'POST',
    path: '/nodes/:node/locks',
    policy: 'baremetal:node:lock:create',
    summary: 'Lock a node against power changes, deployments or all changes (Ingot extension)',
    status: 201,
    body: LockRequest,
    reply: LockReply,
    async handler(request, context, reply) {
      const node = await findNode(context, request.params.node);
      const lock = lockJson(await createLock(context, request.caller, { node, request: request.body }), context.baseUrl(request));
      reply.header('location', lock.links[0]?.href);
      return lock;
    },
  }),
  route({
    method: 'GET',
    path: '/nodes/:node/locks/:lock',
    policy: 'baremetal:node:lock:get',
    summary: 'Show a lock of a node (Ingot extension)',
    reply: LockReply,
    async handler(request, context) {
      const node = await findNode(context, request.params.node);
      return lockJson(await findLock(context, node, request.params.lock), context.baseUrl(request));
    },
  }),
  route({
    method: 'DELETE',
    path: '/nodes/:node/locks/:lock',
    policy: 'baremetal:node:lock:delete',
    summary: 'Delete a lock of a node: its owner, or whom baremetal:node:lock:delete_any allows it (Ingot extension)',
    status: 204,
    async handler(request, context) {
      const node = await findNode(context, request.params.node);
      const lock = await findLock(context, node, request.params.lock);
      if (!isOwnLock(request.caller, lock) && !endsLease(request, node, lock))
        authorize(request, 'baremetal:node:lock:delete_any', nodeTarget(node));
      await deleteLock(context, request.caller, lock);
    },
  }),
];

/** Otherwise a lessee could keep the node by a lock: who may end the lease may delete the locks of the lessee. */
function endsLease(request: FastifyRequest, node: Node, { project_id }: NodeLock): boolean {
  const isLessees = project_id !== '' && project_id === node.lessee && project_id !== node.owner;
  return isLessees && allows(request, 'baremetal:node:update:lessee', nodeTarget(node));
}

function lockJson(
  { id, node_uuid, kind, reason, project_id, user_id, user_name, expires_at, created_at }: NodeLock,
  base: string,
) {
  return {
    ...{ id, node_uuid, kind, reason, expires_at, created_at },
    owner: { project_id: project_id || null, user_id, user_name },
    links: linksTo(base, `nodes/${node_uuid}/locks/${id}`),
  };
}
