/** `/flavors/{id}/os-extra_specs`: a flavor's requirements besides sizes. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { addExtraSpecs, deleteExtraSpec, extraSpecOf } from '#services/compute/extra-specs.ts';
import { findFlavor } from '#services/compute/flavors.ts';
import { atLeast } from '../http/microversions.ts';
import { sightOf } from './flavors.ts';
import { route } from './policy.ts';

const Specs = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }),
  Type.Union([Type.String({ maxLength: 255 }), Type.Number()]),
  { additionalProperties: false },
);
const SpecsReply = Type.Record(Type.String(), Type.String());

/** From this minor version on the values are validated. */
const validatedSince = 86;

export const extraSpecRoutes = [
  route({
    method: 'GET',
    path: '/flavors/:id/os-extra_specs',
    policy: 'os_compute_api:os-flavor-extra-specs:index',
    summary: 'List the extra specs of a flavor',
    reply: Type.Object({ extra_specs: SpecsReply }),
    handler: async (request, context) => ({
      extra_specs: (await findFlavor(context, request.params.id, sightOf(request))).extra_specs,
    }),
  }),
  route({
    method: 'POST',
    path: '/flavors/:id/os-extra_specs',
    policy: 'os_compute_api:os-flavor-extra-specs:create',
    summary: 'Add extra specs to a flavor',
    body: Type.Object({ extra_specs: Specs }, { additionalProperties: false }),
    reply: Type.Object({ extra_specs: SpecsReply }),
    async handler(request, context) {
      const flavor = await findFlavor(context, request.params.id, sightOf(request));
      const isValidated = atLeast(request.microversion, validatedSince);
      return { extra_specs: await addExtraSpecs(context, flavor, { specs: request.body.extra_specs, isValidated }) };
    },
  }),
  route({
    method: 'GET',
    path: '/flavors/:id/os-extra_specs/:key',
    policy: 'os_compute_api:os-flavor-extra-specs:show',
    summary: 'Show an extra spec of a flavor',
    reply: SpecsReply,
    async handler(request, context) {
      const { id, key } = request.params;
      return { [key]: extraSpecOf(await findFlavor(context, id, sightOf(request)), key) };
    },
  }),
  route({
    method: 'PUT',
    path: '/flavors/:id/os-extra_specs/:key',
    policy: 'os_compute_api:os-flavor-extra-specs:update',
    summary: 'Change an extra spec of a flavor',
    body: Specs,
    reply: SpecsReply,
    async handler(request, context) {
      const { id, key } = request.params;
      if (Object.keys(request.body).join() !== key)
        throw new Fault('badRequest', { detail: 'The body must have exactly the key of the path.' });
      const flavor = await findFlavor(context, id, sightOf(request));
      const isValidated = atLeast(request.microversion, validatedSince);
      return addExtraSpecs(context, flavor, { specs: request.body, isValidated });
    },
  }),
  route({
    method: 'DELETE',
    path: '/flavors/:id/os-extra_specs/:key',
    policy: 'os_compute_api:os-flavor-extra-specs:delete',
    summary: 'Delete an extra spec of a flavor',
    async handler(request, context) {
      const { id, key } = request.params;
      await deleteExtraSpec(context, await findFlavor(context, id, sightOf(request)), key);
    },
  }),
];
