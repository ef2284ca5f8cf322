/** `/flavors/{id}/os-extra_specs`: a flavor's requirements besides sizes. */
import { Type } from 'typebox';
import { deployImageSpecs, whyNoDeployImage } from '#domain/deploy-images.ts';
import { Fault } from '#domain/faults.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { atLeast } from '../http/microversions.ts';
import { checkExtraSpec, refuseMiscased } from './extra-spec-rules.ts';
import { findFlavor } from './lookup.ts';

const Specs = Type.Record(
  Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }),
  Type.Union([Type.String({ maxLength: 255 }), Type.Number()]),
  { additionalProperties: false },
);
const IdParams = Type.Object({ id: Type.String() });
const KeyParams = Type.Object({ id: Type.String(), key: Type.String() });

export function registerFlavorExtraSpecs(app: ApiScope, context: ApiContext): void {
  const { flavors } = context.store;

  app.get('/flavors/:id/os-extra_specs', { schema: { params: IdParams } }, async (request) => ({
    extra_specs: (await findFlavor(context, request, request.params.id)).extra_specs,
  }));

  const body = Type.Object({ extra_specs: Specs });
  app.post('/flavors/:id/os-extra_specs', { schema: { params: IdParams, body } }, async (request) => {
    requireAdmin(request, 'os_compute_api:os-flavor-extra-specs:create');
    const flavor = await findFlavor(context, request, request.params.id);
    const added = asText(request.body.extra_specs, atLeast(request.microversion, 86));
    await refuseForeignImages(context, added);
    await flavors.update({ id: flavor.id }, { extra_specs: withMore(flavor.extra_specs, added) });
    return { extra_specs: added };
  });

  app.get('/flavors/:id/os-extra_specs/:key', { schema: { params: KeyParams } }, async (request) => {
    const { id, key } = request.params;
    const { extra_specs } = await findFlavor(context, request, id);
    if (!Object.hasOwn(extra_specs, key)) throw specNotFound(id, key);
    return { [key]: extra_specs[key] };
  });

  app.put('/flavors/:id/os-extra_specs/:key', { schema: { params: KeyParams, body: Specs } }, async (request) => {
    requireAdmin(request, 'os_compute_api:os-flavor-extra-specs:update');
    const { id, key } = request.params;
    if (Object.keys(request.body).join() !== key)
      throw new Fault('badRequest', { detail: 'The body must have exactly the key of the path.' });
    const flavor = await findFlavor(context, request, id);
    const added = asText(request.body, atLeast(request.microversion, 86));
    await refuseForeignImages(context, added);
    await flavors.update({ id: flavor.id }, { extra_specs: withMore(flavor.extra_specs, added) });
    return added;
  });

  app.delete('/flavors/:id/os-extra_specs/:key', { schema: { params: KeyParams } }, async (request, reply) => {
    requireAdmin(request, 'os_compute_api:os-flavor-extra-specs:delete');
    const { id, key } = request.params;
    const flavor = await findFlavor(context, request, id);
    if (!Object.hasOwn(flavor.extra_specs, key)) throw specNotFound(id, key);
    const { [key]: _, ...extra_specs } = flavor.extra_specs;
    await flavors.update({ id: flavor.id }, { extra_specs });
    reply.code(200).send();
  });
}

/** @param isChecked whether Nova's validators apply, since 2.86 */
function asText(specs: Record<string, string | number>, isChecked: boolean): Record<string, string> {
  const texts = Object.fromEntries(Object.entries(specs).map(([key, value]) => [key, String(value)]));
  for (const [key, text] of Object.entries(texts)) {
    refuseMiscased(key);
    if (isChecked) checkExtraSpec(key, text);
  }
  return texts;
}

/** Nova has no quota for them; lists show them with each flavor. */
const mostSpecs = 128;

function withMore(former: Record<string, string>, added: Record<string, string>): Record<string, string> {
  const specs = { ...former, ...added };
  if (Object.keys(specs).length > Math.max(mostSpecs, Object.keys(former).length))
    throw new Fault('badRequest', { detail: `A flavor has at most ${mostSpecs} extra specs.` });
  return specs;
}

/** Checked again on use: a named image may be force-deleted. */
async function refuseForeignImages({ store }: ApiContext, specs: Record<string, string>): Promise<void> {
  for (const name of deployImageSpecs) {
    const id = specs[name];
    const why = id === undefined ? undefined : whyNoDeployImage(await store.images.find({ id }));
    if (why) throw new Fault('badRequest', { detail: `Extra spec '${name}' cannot be ${id}: ${why}.` });
  }
}

function specNotFound(id: string, key: string): Fault {
  return new Fault('notFound', { what: `Extra spec ${key} of flavor`, id });
}
