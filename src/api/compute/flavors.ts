/** `/flavors`: sizes and requirements of servers. */
import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import { compares, isEqual } from '#store/conditions.ts';
import { type ListPage, listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { Flavor } from '#store/tables/flavors.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { atLeast } from '../http/microversions.ts';
import { nextLinks } from '../http/pagination.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { WholeNumber, wholeNumberOf } from '../http/whole-numbers.ts';
import { findFlavor } from './lookup.ts';

const NewFlavor = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 255, pattern: somethingVisible }),
    id: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Integer(), Type.Null()])),
    vcpus: WholeNumber,
    ram: WholeNumber,
    disk: WholeNumber,
    swap: Type.Optional(Type.Union([WholeNumber, Type.Literal('')])),
    'OS-FLV-EXT-DATA:ephemeral': Type.Optional(WholeNumber),
    'os-flavor-access:is_public': Type.Optional(Type.Boolean()),
    rxtx_factor: Type.Optional(Type.Union([Type.Number(), Type.String()])),
    description: Type.Optional(Type.Union([Type.String({ maxLength: 65535 }), Type.Null()])),
  },
  { additionalProperties: false },
);
const FlavorQuery = Type.Object({
  is_public: Type.Optional(Type.String()),
  minDisk: Type.Optional(Type.Integer()),
  minRam: Type.Optional(Type.Integer()),
  sort_key: Type.Optional(Type.String()),
  sort_dir: Type.Optional(Type.Enum(['asc', 'desc'])),
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Type.String()),
});
type FlavorQuery = Static<typeof FlavorQuery>;
const IdParams = Type.Object({ id: Type.String() });
type FlavorJson = (flavor: Flavor, request: FastifyRequest, context: ApiContext) => object;

export function registerFlavors(app: ApiScope, context: ApiContext): void {
  const list = (json: FlavorJson) => async (request: FastifyRequest<{ Querystring: Static<typeof FlavorQuery> }>) => {
    const page = await listFlavors(context, request.caller, request.query);
    const links = nextLinks(context, request, page.next);
    const flavors = page.items.map((flavor) => json(flavor, request, context));
    return { flavors, ...(links.length > 0 && { flavors_links: links }) };
  };
  app.get('/flavors', { schema: { querystring: FlavorQuery } }, list(briefJson));
  app.get('/flavors/detail', { schema: { querystring: FlavorQuery } }, list(flavorJson));

  app.get('/flavors/:id', { schema: { params: IdParams } }, async (request) => ({
    flavor: flavorJson(await findFlavor(context, request, request.params.id), request, context),
  }));

  app.post('/flavors', { schema: { body: Type.Object({ flavor: NewFlavor }) } }, async (request) => {
    requireAdmin(request, 'os_compute_api:os-flavor-manage:create');
    return { flavor: flavorJson(await createFlavor(context, request.body.flavor), request, context) };
  });

  const FlavorChange = Type.Object({
    flavor: Type.Object({ description: Type.Union([Type.String({ maxLength: 65535 }), Type.Null()]) }),
  });
  app.put('/flavors/:id', { schema: { params: IdParams, body: FlavorChange } }, async (request) => {
    requireAdmin(request, 'os_compute_api:os-flavor-manage:update');
    const flavor = await findFlavor(context, request, request.params.id);
    const { description } = request.body.flavor;
    await context.store.flavors.update({ id: flavor.id }, { description });
    return { flavor: flavorJson({ ...flavor, description }, request, context) };
  });

  app.delete('/flavors/:id', { schema: { params: IdParams } }, async (request, reply) => {
    requireAdmin(request, 'os_compute_api:os-flavor-manage:delete');
    const flavor = await findFlavor(context, request, request.params.id);
    await context.store.flavors.remove({ id: flavor.id });
    reply.code(202).send();
  });

  registerFlavorAccess(app, context);
}

/** Ingot has no access list for a private flavor: only administrators see those. */
function registerFlavorAccess(app: ApiScope, context: ApiContext): void {
  app.get('/flavors/:id/os-flavor-access', { schema: { params: IdParams } }, async (request) => {
    const flavor = await findFlavor(context, request, request.params.id);
    if (flavor.is_public) throw new Fault('notFound', { what: 'Access list of the public flavor', id: flavor.id });
    return { flavor_access: [] };
  });
  app.post('/flavors/:id/action', { schema: { params: IdParams } }, async () => {
    throw new Fault('unsupported', { what: 'Flavor access for single projects' });
  });
}

function listFlavors({ store }: ApiContext, caller: Caller, query: FlavorQuery): Promise<ListPage<Flavor>> {
  const { sort_key = 'flavorid', sort_dir, limit, marker, minDisk, minRam } = query;
  const is_public = caller.is_admin ? publicFilter(query.is_public) : true;
  const columns = Object.hasOwn(sortKeyTable, sort_key) ? sortKeyTable[sort_key] : undefined;
  if (!columns) throw new Fault('badRequest', { detail: `Flavors cannot be sorted by ${sort_key}.` });
  const visible = caller.is_admin ? [] : [isEqual('is_public', true)];
  return listRows(
    { collection: store.flavors, table: listTables.flavors, visible },
    {
      where: [
        ...(is_public === undefined ? [] : [isEqual('is_public', is_public)]),
        ...(minDisk === undefined ? [] : [compares('disk', '>=', minDisk)]),
        ...(minRam === undefined ? [] : [compares('ram', '>=', minRam)]),
      ],
      sort: columns.map((column) => ({ column, descending: sort_dir === 'desc' })),
      limit,
      marker,
    },
  );
}

/** Nova's keys; those that have the same value in all flavors sort by no column. */
const sortKeyTable: Readonly<Record<string, readonly string[]>> = {
  created_at: ['created_at'],
  description: ['description'],
  disabled: [],
  ephemeral_gb: ['ephemeral'],
  flavorid: ['id'],
  id: ['id'],
  is_public: ['is_public'],
  memory_mb: ['ram'],
  name: ['name'],
  root_gb: ['disk'],
  rxtx_factor: [],
  swap: ['swap'],
  updated_at: [],
  vcpu_weight: [],
  vcpus: ['vcpus'],
};

/** Three values: public (default), private, or both (`None`). */
function publicFilter(text: string | undefined): boolean | undefined {
  if (text === undefined) return true;
  if (/^(true|1|yes|on|t)$/i.test(text)) return true;
  if (/^(false|0|no|off|f)$/i.test(text)) return false;
  if (/^none$/i.test(text)) return undefined;
  throw new Fault('badRequest', { detail: `Invalid is_public filter ${text}.` });
}

async function createFlavor({ store }: ApiContext, body: Static<typeof NewFlavor>): Promise<Flavor> {
  const isAuto = body.id === undefined || body.id === null || body.id === 'auto';
  const flavor: Flavor = {
    id: isAuto ? randomUUID() : String(body.id),
    name: body.name.trim(),
    vcpus: wholeNumberOf('flavor.vcpus', body.vcpus, 1),
    ram: wholeNumberOf('flavor.ram', body.ram, 1),
    disk: wholeNumberOf('flavor.disk', body.disk),
    ephemeral: wholeNumberOf('flavor.OS-FLV-EXT-DATA:ephemeral', body['OS-FLV-EXT-DATA:ephemeral'] ?? 0),
    swap: wholeNumberOf('flavor.swap', body.swap ?? 0),
    is_public: body['os-flavor-access:is_public'] ?? true,
    description: body.description ?? null,
    extra_specs: {},
    created_at: new Date().toISOString(),
  };
  const exists = (what: string) => new Fault('conflict', { detail: `Flavor with ${what} already exists.` });
  if (await store.flavors.find({ name: flavor.name })) throw exists(`name ${flavor.name}`);
  if (await store.flavors.find({ id: flavor.id })) throw exists(`ID ${flavor.id}`);
  return store.flavors.insert(flavor);
}

export function flavorLinks(id: string, request: FastifyRequest, context: ApiContext) {
  const base = context.baseUrl(request);
  return [
    { rel: 'self', href: `${base}/compute/v2.1/flavors/${id}` },
    { rel: 'bookmark', href: `${base}/compute/flavors/${id}` },
  ];
}

function briefJson(flavor: Flavor, request: FastifyRequest, context: ApiContext) {
  const described = atLeast(request.microversion, 55) && { description: flavor.description };
  return { id: flavor.id, name: flavor.name, ...described, links: flavorLinks(flavor.id, request, context) };
}

function flavorJson(flavor: Flavor, request: FastifyRequest, context: ApiContext) {
  const version = request.microversion;
  return {
    ...briefJson(flavor, request, context),
    ram: flavor.ram,
    disk: flavor.disk,
    vcpus: flavor.vcpus,
    // Before 2.75 "no swap" was an empty string.
    swap: flavor.swap === 0 && !atLeast(version, 75) ? '' : flavor.swap,
    'OS-FLV-EXT-DATA:ephemeral': flavor.ephemeral,
    'OS-FLV-DISABLED:disabled': false,
    'os-flavor-access:is_public': flavor.is_public,
    rxtx_factor: 1.0,
    ...(atLeast(version, 61) && { extra_specs: flavor.extra_specs }),
  };
}
