/** `/v1/nodes/{node}/traits`: capabilities of a machine that flavors require or forbid. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import type { ApiContext, ApiScope } from '../context.ts';

/** A site's own traits start with CUSTOM_; the others are prefixes of the standard traits. */
const Trait = Type.String({ maxLength: 255, pattern: '^(CUSTOM|HW|STORAGE|COMPUTE|MISC|OWNER|STATUS)_[A-Z0-9_]+$' });
const largestCount = 50;
const NodeParams = Type.Object({ node: Type.String() });
const TraitParams = Type.Object({ node: Type.String(), trait: Trait });
const AnyTraitParams = Type.Object({ node: Type.String(), trait: Type.String() });

export function registerNodeTraits(app: ApiScope, context: ApiContext): void {
  const { engine } = context;
  const set = async (ident: string, change: (traits: readonly string[]) => readonly string[]) => {
    const { uuid } = await findNode(context, ident);
    await engine.updateNode(uuid, (now) => {
      const distinct = [...new Set(change(now.traits))].sort();
      if (distinct.length > largestCount)
        throw new Fault('badRequest', { detail: `A node has at most ${largestCount} traits, not ${distinct.length}.` });
      return { traits: distinct };
    });
  };

  app.get('/nodes/:node/traits', { schema: { params: NodeParams } }, async (request) => ({
    traits: (await findNode(context, request.params.node)).traits,
  }));
  const body = Type.Object({ traits: Type.Array(Trait) });
  app.put('/nodes/:node/traits', { schema: { params: NodeParams, body } }, async (request, reply) => {
    await set(request.params.node, () => request.body.traits);
    reply.code(204).send();
  });
  app.delete('/nodes/:node/traits', { schema: { params: NodeParams } }, async (request, reply) => {
    await set(request.params.node, () => []);
    reply.code(204).send();
  });
  app.put('/nodes/:node/traits/:trait', { schema: { params: TraitParams } }, async (request, reply) => {
    const { node, trait } = request.params;
    if (request.body !== undefined)
      throw new Fault('badRequest', { detail: 'One trait is added without a body; PUT …/traits with a body replaces all.' });
    await set(node, (traits) => [...traits, trait]);
    reply
      .code(204)
      .header('location', `${context.baseUrl(request)}/baremetal/v1/nodes/${node}/traits/${trait}`)
      .send();
  });
  app.delete('/nodes/:node/traits/:trait', { schema: { params: AnyTraitParams } }, async (request, reply) => {
    const { trait } = request.params;
    await set(request.params.node, (traits) => {
      if (!traits.includes(trait)) throw new Fault('notFound', { what: `Trait ${trait} of node`, id: request.params.node });
      return traits.filter((each) => each !== trait);
    });
    reply.code(204).send();
  });
}
