/** `/v1/runbooks/{runbook}/traits`: of which a node must have one. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { Trait } from '#services/baremetal/node-traits.ts';
import { changeRunbookTraits } from '#services/baremetal/runbooks.ts';
import { route } from './policy.ts';
import { permittedRunbook, visibleRunbook } from './runbooks.ts';

const update = ['baremetal:runbook:update'] as const;

export const runbookTraitRoutes = [
  route({
    method: 'GET',
    path: '/runbooks/:runbook/traits',
    policy: 'baremetal:runbook:get',
    since: 112,
    summary: 'List the traits of a runbook',
    reply: Type.Object({ traits: Type.Array(Type.String()) }),
    handler: async (request, context) => ({
      traits: (await visibleRunbook(context, request, request.params.runbook)).traits,
    }),
  }),
  route({
    method: 'PUT',
    path: '/runbooks/:runbook/traits',
    policy: 'baremetal:runbook:update',
    since: 112,
    summary: 'Replace the traits of a runbook',
    status: 204,
    body: Type.Object({ traits: Type.Array(Trait) }),
    async handler(request, context) {
      const { uuid } = await permittedRunbook(context, request, request.params.runbook, update);
      await changeRunbookTraits(context, uuid, () => request.body.traits);
    },
  }),
  route({
    method: 'DELETE',
    path: '/runbooks/:runbook/traits',
    policy: 'baremetal:runbook:update',
    since: 112,
    summary: 'Remove all traits of a runbook',
    status: 204,
    async handler(request, context) {
      const { uuid } = await permittedRunbook(context, request, request.params.runbook, update);
      await changeRunbookTraits(context, uuid, () => []);
    },
  }),
  route({
    method: 'PUT',
    path: '/runbooks/:runbook/traits/:trait',
    policy: 'baremetal:runbook:update',
    since: 112,
    summary: 'Add a trait to a runbook',
    status: 204,
    params: Type.Object({ runbook: Type.String(), trait: Trait }),
    async handler(request, context, reply) {
      const { runbook, trait } = request.params;
      if (request.body !== undefined) throw new Fault('badRequest', { detail: 'No body should be provided when adding a trait' });
      const { uuid } = await permittedRunbook(context, request, runbook, update);
      await changeRunbookTraits(context, uuid, (traits) => [...traits, trait]);
      reply.header('location', `${context.baseUrl(request)}/baremetal/v1/runbooks/${runbook}/traits/${trait}`);
    },
  }),
  route({
    method: 'DELETE',
    path: '/runbooks/:runbook/traits/:trait',
    policy: 'baremetal:runbook:update',
    since: 112,
    summary: 'Remove a trait of a runbook',
    status: 204,
    async handler(request, context) {
      const { uuid } = await permittedRunbook(context, request, request.params.runbook, update);
      await changeRunbookTraits(context, uuid, (traits) => traits.filter((each) => each !== request.params.trait));
    },
  }),
];
