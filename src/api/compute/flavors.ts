/** `/flavors`: sizes and requirements of servers. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import {
  createFlavor,
  deleteFlavor,
  describeFlavor,
  findFlavor,
  listFlavors,
  type NewFlavor,
  type Sight,
} from '#services/compute/flavors.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { ApiContext } from '../context.ts';
import { nextLinks } from '../http/pagination.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { Links, Maybe, Nullable, pageQuery } from '../http/schemas.ts';
import { since } from '../http/versioned.ts';
import { type View, type ViewField, viewOf } from '../http/view.ts';
import { WholeNumber, wholeNumberOf } from '../http/whole-numbers.ts';
import { allows, route } from './policy.ts';

const Description = Nullable(Type.String({ maxLength: 65535 }));

const FlavorRequest = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 255, pattern: somethingVisible }),
    id: Maybe(Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Integer()])),
    vcpus: WholeNumber,
    ram: WholeNumber,
    disk: WholeNumber,
    swap: Type.Optional(Type.Union([WholeNumber, Type.Literal('')])),
    'OS-FLV-EXT-DATA:ephemeral': Type.Optional(WholeNumber),
    'os-flavor-access:is_public': Type.Optional(Type.Boolean()),
    rxtx_factor: Type.Optional(Type.Union([Type.Number(), Type.String()])),
    description: since(55, Type.Optional(Description)),
  },
  { additionalProperties: false },
);
const FlavorQuery = Type.Object({
  is_public: Type.Optional(Type.String()),
  minDisk: Type.Optional(Type.Integer()),
  minRam: Type.Optional(Type.Integer()),
  sort_key: Type.Optional(Type.String()),
  sort_dir: Type.Optional(Type.Enum(['asc', 'desc'])),
  ...pageQuery,
});

const brief = {
  id: { type: Type.String(), value: ({ id }: Flavor) => id },
  name: { type: Type.String(), value: ({ name }: Flavor) => name },
  description: { type: Description, since: 55, value: ({ description }: Flavor) => description },
  links: { type: Links, value: ({ id }: Flavor, { request, context }) => flavorLinks(id, request, context) } satisfies ViewField<
    Flavor,
    typeof Links,
    never
  >,
} as const;

const briefView = viewOf<Flavor>()(brief);
const flavorView = viewOf<Flavor>()({
  ...brief,
  ram: { type: Type.Integer(), value: ({ ram }) => ram },
  disk: { type: Type.Integer(), value: ({ disk }) => disk },
  vcpus: { type: Type.Integer(), value: ({ vcpus }) => vcpus },
  // Up to 2.74 "no swap" was an empty string.
  swap_or_empty: {
    name: 'swap',
    type: Type.Union([Type.Integer(), Type.Literal('')]),
    until: 74,
    value: ({ swap }) => (swap === 0 ? '' : swap),
  },
  swap: { type: Type.Integer(), since: 75, value: ({ swap }) => swap },
  'OS-FLV-EXT-DATA:ephemeral': { type: Type.Integer(), value: ({ ephemeral }) => ephemeral },
  'OS-FLV-DISABLED:disabled': { type: Type.Boolean(), value: () => false },
  'os-flavor-access:is_public': { type: Type.Boolean(), value: ({ is_public }) => is_public },
  rxtx_factor: { type: Type.Number(), value: () => 1.0 },
  extra_specs: { type: Type.Record(Type.String(), Type.String()), since: 61, value: ({ extra_specs }) => extra_specs },
});

export function flavorLinks(id: string, request: FastifyRequest, context: ApiContext) {
  const base = context.baseUrl(request);
  return [
    { rel: 'self', href: `${base}/compute/v2.1/flavors/${id}` },
    { rel: 'bookmark', href: `${base}/compute/flavors/${id}` },
  ];
}

/** What the caller may see: for the services' functions. */
export function sightOf(request: FastifyRequest): Sight {
  return { seesPrivate: allows(request, 'os_compute_api:flavors:private'), project_id: request.caller.project_id };
}

const flavorList = <Shown>(path: '/flavors' | '/flavors/detail', summary: string, view: View<Flavor, Shown>) =>
  route({
    method: 'GET',
    path,
    policy: 'os_compute_api:flavors',
    summary,
    query: FlavorQuery,
    reply: Type.Object({ flavors: Type.Array(view.schema), flavors_links: Type.Optional(Links) }),
    async handler(request, context) {
      const { query } = request;
      const sight = sightOf(request);
      const is_public = sight.seesPrivate ? publicFilter(query.is_public) : true;
      const page = await listFlavors(context, { ...query, is_public }, sight);
      const links = nextLinks(context, request, page.next);
      return { flavors: page.items.map(view.of(request, context)), ...(links.length > 0 && { flavors_links: links }) };
    },
  });

const FlavorReply = Type.Object({ flavor: flavorView.schema });

export const flavorRoutes = [
  flavorList('/flavors', 'List flavors', briefView),
  flavorList('/flavors/detail', 'List flavors with details', flavorView),
  route({
    method: 'GET',
    path: '/flavors/:id',
    policy: 'os_compute_api:flavors',
    summary: 'Show a flavor',
    reply: FlavorReply,
    handler: async (request, context) => ({
      flavor: flavorView.of(request, context)(await findFlavor(context, request.params.id, sightOf(request))),
    }),
  }),
  route({
    method: 'POST',
    path: '/flavors',
    policy: 'os_compute_api:os-flavor-manage:create',
    summary: 'Create a flavor',
    body: Type.Object({ flavor: FlavorRequest }, { additionalProperties: false }),
    reply: FlavorReply,
    handler: async (request, context) => ({
      flavor: flavorView.of(request, context)(await createFlavor(context, newFlavorOf(request.body.flavor))),
    }),
  }),
  route({
    method: 'PUT',
    path: '/flavors/:id',
    policy: 'os_compute_api:os-flavor-manage:update',
    since: 55,
    summary: 'Change the description of a flavor',
    body: Type.Object(
      { flavor: Type.Object({ description: Description }, { additionalProperties: false }) },
      { additionalProperties: false },
    ),
    reply: FlavorReply,
    async handler(request, context) {
      const flavor = await findFlavor(context, request.params.id, sightOf(request));
      const described = await describeFlavor(context, flavor, request.body.flavor.description);
      return { flavor: flavorView.of(request, context)(described) };
    },
  }),
  route({
    method: 'DELETE',
    path: '/flavors/:id',
    policy: 'os_compute_api:os-flavor-manage:delete',
    summary: 'Delete a flavor',
    status: 202,
    async handler(request, context) {
      await deleteFlavor(context, await findFlavor(context, request.params.id, sightOf(request)));
    },
  }),
];

function newFlavorOf(body: Static<typeof FlavorRequest>): NewFlavor {
  const isAuto = body.id === undefined || body.id === null || body.id === 'auto';
  return {
    ...(!isAuto && { id: String(body.id) }),
    name: body.name.trim(),
    vcpus: wholeNumberOf('flavor.vcpus', body.vcpus, 1),
    ram: wholeNumberOf('flavor.ram', body.ram, 1),
    disk: wholeNumberOf('flavor.disk', body.disk),
    ephemeral: wholeNumberOf('flavor.OS-FLV-EXT-DATA:ephemeral', body['OS-FLV-EXT-DATA:ephemeral'] ?? 0),
    swap: wholeNumberOf('flavor.swap', body.swap ?? 0),
    is_public: body['os-flavor-access:is_public'] ?? true,
    description: body.description ?? null,
  };
}

/** Three values: public (default), private, or both (`None`). */
function publicFilter(text: string | undefined): boolean | undefined {
  if (text === undefined) return true;
  if (/^(true|1|yes|on|t)$/i.test(text)) return true;
  if (/^(false|0|no|off|f)$/i.test(text)) return false;
  if (/^none$/i.test(text)) return undefined;
  throw new Fault('badRequest', { detail: `Invalid is_public filter ${text}.` });
}
