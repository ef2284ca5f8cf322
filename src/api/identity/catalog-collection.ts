/** Lists of the catalogue, for administrators: the built-in part and then what is stored. */
import type { FastifyRequest } from 'fastify';
import { type Static, type TObject, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiContext } from '../context.ts';
import { pageQuery } from '../http/schemas.ts';
import { pageOfCollection, selfLink } from './links.ts';
import { type IdentityRule, route } from './policy.ts';
import { CollectionLinks, SelfLink } from './schemas.ts';

const filterNames = ['name', 'type', 'service_id', 'interface', 'region_id', 'parent_region_id'] as const;
const text = Type.Optional(Type.String());
const Filters = Type.Object({ ...Object.fromEntries(filterNames.map((name) => [name, text])), ...pageQuery });

export type CatalogCollection<Schema extends TObject> = {
  readonly plural: string;
  readonly singular: string;
  readonly rules: readonly [list: IdentityRule, get: IdentityRule];
  readonly item: Schema;
  readonly all: (context: ApiContext, request: FastifyRequest) => Promise<(Static<Schema> & { readonly id: string })[]>;
};

/** The schema of a reply with one member, and the reply itself. */
export function memberOf(plural: string, singular: string, item: TObject) {
  const shown = Type.Object({ ...item.properties, links: SelfLink });
  return {
    schema: Type.Unsafe<object>(Type.Object({ [singular]: shown })),
    reply: (context: ApiContext, request: FastifyRequest, each: { readonly id: string }) => ({
      [singular]: { ...each, links: selfLink(context, request, `/${plural}/${each.id}`) },
    }),
  };
}

export function collectionRoutes<Schema extends TObject>({ plural, singular, rules, item, all }: CatalogCollection<Schema>) {
  const member = memberOf(plural, singular, item);
  const shown = Type.Object({ ...item.properties, links: SelfLink });
  return [
    route({
      method: 'GET',
      path: `/${plural}`,
      policy: rules[0],
      summary: `List ${plural}`,
      query: Filters,
      reply: Type.Unsafe<object>(Type.Object({ [plural]: Type.Array(shown), links: CollectionLinks })),
      async handler(request, context) {
        const query: Readonly<Record<string, unknown>> = request.query;
        const isAsked = (each: Readonly<Record<string, unknown>>) =>
          filterNames.every((name) => query[name] === undefined || each[name] === query[name]);
        const asked = (await all(context, request)).filter(isAsked);
        const { items, links } = pageOfCollection(context, request, { path: `/${plural}`, all: asked, query: request.query });
        const withLinks = items.map((each) => ({ ...each, links: selfLink(context, request, `/${plural}/${each.id}`) }));
        return { [plural]: withLinks, links };
      },
    }),
    route({
      method: 'GET',
      path: `/${plural}/:id`,
      policy: rules[1],
      summary: `Show one of the ${plural}`,
      reply: member.schema,
      async handler(request, context) {
        const { id } = request.params as { id: string };
        const found = (await all(context, request)).find((candidate) => candidate.id === id);
        if (!found) throw new Fault('notFound', { what: singular, id });
        return member.reply(context, request, found);
      },
    }),
  ];
}
