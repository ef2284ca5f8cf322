/** `/v1/nodes/{node}/traits`: capabilities of a machine that flavors require or forbid. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import { addTrait, removeTrait, setTraits, Trait } from '#services/baremetal/node-traits.ts';
import { route } from './policy.ts';

export const nodeTraitRoutes = [
  route({
    method: 'GET',
    path: '/nodes/:node/traits',
    policy: 'baremetal:node:traits:list',
    summary: 'List the traits of a node',
    reply: Type.Object({ traits: Type.Array(Type.String()) }),
    handler: async (request, context) => ({ traits: (await findNode(context, request.params.node)).traits }),
  }),
  route({
    method: 'PUT',
    path: '/nodes/:node/traits',
    policy: 'baremetal:node:traits:set',
    summary: 'Replace the traits of a node',
    status: 204,
    body: Type.Object({ traits: Type.Array(Trait) }),
    handler: (request, context) => setTraits(context, request.params.node, request.body.traits),
  }),
  route({
    method: 'DELETE',
    path: '/nodes/:node/traits',
    policy: 'baremetal:node:traits:delete',
    summary: 'Remove all traits of a node',
    status: 204,
    handler: (request, context) => setTraits(context, request.params.node, []),
  }),
  route({
    method: 'PUT',
    path: '/nodes/:node/traits/:trait',
    policy: 'baremetal:node:traits:set',
    summary: 'Add a trait to a node',
    status: 204,
    params: Type.Object({ node: Type.String(), trait: Trait }),
    async handler(request, context, reply) {
      const { node, trait } = request.params;
      if (request.body !== undefined)
        throw new Fault('badRequest', { detail: 'One trait is added without a body; PUT …/traits with a body replaces all.' });
      await addTrait(context, node, trait);
      reply.header('location', `${context.baseUrl(request)}/baremetal/v1/nodes/${node}/traits/${trait}`);
    },
  }),
  route({
    method: 'DELETE',
    path: '/nodes/:node/traits/:trait',
    policy: 'baremetal:node:traits:delete',
    summary: 'Remove a trait of a node',
    status: 204,
    handler: (request, context) => removeTrait(context, request.params.node, request.params.trait),
  }),
];
