/** `/v1/volume`: volume connectors and volume targets of nodes. */
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { JsonPatch, recordBytes } from '#services/baremetal/json-patch.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import { declaredSecrets, withoutSecrets } from '#services/baremetal/secrets.ts';
import {
  ConnectorRequest,
  connectorKind,
  createVolume,
  deleteVolume,
  findVolume,
  listVolumes,
  patchVolume,
  TargetRequest,
  targetKind,
  type VolumeKind,
} from '#services/baremetal/volumes.ts';
import type { VolumeConnector, VolumeTarget } from '#store/tables/volumes.ts';
import type { ApiContext } from '../context.ts';
import { nextMember } from '../http/pagination.ts';
import { type Field, field, type Selection, selectFields } from './fields.ts';
import { linksTo } from './links.ts';
import { authorizeMove, authorizeNamed, listProject, ofProject, refuseHiddenNode } from './node-access.ts';
import { PageQuery, pageOf, selectionOf, Word } from './page-query.ts';
import { allows, route } from './policy.ts';

const Links = Type.Array(Type.Object({ href: Type.String(), rel: Type.String() }));
const VolumeLinks = Type.Object({ links: Links, connectors: Links, targets: Links });

const linkRoutes = [
  route({
    method: 'GET',
    path: '/volume',
    policy: 'baremetal:volume:get',
    summary: 'Show the links of volume resources',
    reply: VolumeLinks,
    handler: (request, context) => volumeLinks(context.baseUrl(request), 'volume'),
  }),
  route({
    method: 'GET',
    path: '/nodes/:node/volume',
    policy: 'baremetal:volume:get',
    summary: 'Show the links of the volume resources of a node',
    reply: VolumeLinks,
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      return volumeLinks(context.baseUrl(request), `nodes/${uuid}/volume`);
    },
  }),
];

function volumeLinks(base: string, path: string) {
  return {
    links: linksTo(base, `${path}/`),
    connectors: linksTo(base, `${path}/connectors`),
    targets: linksTo(base, `${path}/targets`),
  };
}

type Volume = VolumeConnector | VolumeTarget;
type VolumeView<T extends Volume> = { volume: T; base: string; properties: unknown };
const plain = <T extends Volume>(name: keyof T & string) => field<VolumeView<T>>(name, 1, ({ volume }) => volume[name]);

function fieldsOf<T extends Volume>(noun: string, own: readonly Field<VolumeView<T>>[]): Field<VolumeView<T>>[] {
  const links = field<VolumeView<T>>('links', 1, ({ volume, base }) => linksTo(base, `volume/${noun}s/${volume.uuid}`));
  const common = (['uuid', 'node_uuid', 'extra', 'created_at', 'updated_at'] as const).map((name) => plain<T>(name));
  return [...common, ...own, links];
}

type Resource<T extends Volume> = {
  readonly kind: VolumeKind<T>;
  readonly fields: readonly Field<VolumeView<T>>[];
  readonly brief: readonly string[];
};

const connectors: Resource<VolumeConnector> = {
  kind: connectorKind,
  fields: fieldsOf('connector', [plain('type'), plain('connector_id')]),
  brief: ['uuid', 'node_uuid', 'type', 'connector_id'],
};
const targets: Resource<VolumeTarget> = {
  kind: targetKind,
  fields: fieldsOf('target', [
    ...(['volume_type', 'volume_id', 'boot_index'] as const).map((name) => plain<VolumeTarget>(name)),
    field('properties', 1, ({ properties }) => properties),
  ]),
  brief: ['uuid', 'node_uuid', 'volume_type', 'boot_index', 'volume_id'],
};

const VolumeQuery = Type.Interface([PageQuery], { node: Word });
const Reply = Type.Record(Type.String(), Type.Unknown());
const ListReply = Type.Record(Type.String(), Type.Unknown());

type Paths<Name extends string> = {
  readonly all: `/volume/${Name}`;
  readonly one: `/volume/${Name}/:volume`;
  readonly ofNode: `/nodes/:node/volume/${Name}`;
};
type Bodies = typeof ConnectorRequest | typeof TargetRequest;

function routesOf<T extends Volume>(
  resource: Resource<T>,
  { paths, body }: { paths: Paths<'connectors'> | Paths<'targets'>; body: Bodies },
) {
  const { kind } = resource;
  const what = `volume ${kind.noun}`;
  return [
    route({
      ...{ method: 'GET', path: paths.all, policy: 'baremetal:volume:list', query: VolumeQuery, reply: ListReply },
      summary: `List ${what}s`,
      handler: (request, context) => listOf(resource, context, { request, query: request.query }),
    }),
    route({
      ...{ method: 'GET', path: paths.ofNode, policy: 'baremetal:volume:list', query: VolumeQuery, reply: ListReply },
      summary: `List the ${what}s of a node`,
      handler: (request, context) =>
        listOf(resource, context, { request, query: { ...request.query, node: request.params.node } }),
    }),
    route({
      ...{ method: 'GET', path: paths.one, policy: 'baremetal:volume:get', query: Type.Object({ fields: Word }), reply: Reply },
      summary: `Show a ${what}`,
      handler: async (request, context) => {
        const volume = await findVolume(kind, context, request.params.volume);
        return json(resource, context, { request, volume, ...request.query });
      },
    }),
    route({
      ...{ method: 'POST', path: paths.all, policy: 'baremetal:volume:create', status: 201, body, reply: Reply },
      summary: `Create a ${what}`,
      bodyLimit: recordBytes,
      async handler(request, context, reply) {
        const ident = request.body.node_uuid;
        await authorizeNamed(context, request, { ident, rule: 'baremetal:volume:create' });
        const volume = await createVolume(kind, context, request.body);
        reply.header('location', linksTo(context.baseUrl(request), `volume/${kind.noun}s/${volume.uuid}`)[0]?.href);
        return json(resource, context, { request, volume });
      },
    }),
    route({
      ...{ method: 'PATCH', path: paths.one, policy: 'baremetal:volume:update', body: JsonPatch, reply: Reply },
      summary: `Change a ${what}`,
      bodyLimit: recordBytes,
      async handler(request, context) {
        await authorizeMove(context, request, { patch: request.body, rule: 'baremetal:volume:update' });
        const volume = await patchVolume(kind, context, { uuid: request.params.volume, patch: request.body });
        return json(resource, context, { request, volume });
      },
    }),
    route({
      ...{ method: 'DELETE', path: paths.one, policy: 'baremetal:volume:delete', status: 204 },
      summary: `Delete a ${what}`,
      handler: (request, context) => deleteVolume(kind, context, request.params.volume),
    }),
  ];
}

export const volumeRoutes = [
  ...linkRoutes,
  ...routesOf(connectors, {
    paths: { all: '/volume/connectors', one: '/volume/connectors/:volume', ofNode: '/nodes/:node/volume/connectors' },
    body: ConnectorRequest,
  }),
  ...routesOf(targets, {
    paths: { all: '/volume/targets', one: '/volume/targets/:volume', ofNode: '/nodes/:node/volume/targets' },
    body: TargetRequest,
  }),
];

type ListOf = { request: FastifyRequest; query: Static<typeof VolumeQuery> };

async function listOf<T extends Volume>(resource: Resource<T>, context: ApiContext, { request, query }: ListOf) {
  const selection = selectionOf(query, resource.brief);
  await refuseHiddenNode(context, request, query.node);
  const visible = ofProject(listProject(request, 'volume'));
  const { items, next } = await listVolumes(resource.kind, context, { ...pageOf(query), node: query.node, visible });
  const volumes = items.map((volume) => json(resource, context, { request, volume, ...selection }));
  return { [`${resource.kind.noun}s`]: volumes, ...nextMember(context, request, next) };
}

type Shown<T extends Volume> = { request: FastifyRequest; volume: T } & Omit<Selection, 'version'>;

function json<T extends Volume>(
  { fields }: Resource<T>,
  context: ApiContext,
  { request, volume, ...selection }: Shown<T>,
): Static<typeof Reply> {
  const view = { volume, base: context.baseUrl(request), properties: shownProperties(context, request, volume) };
  return selectFields(fields, view, { ...selection, version: request.microversion });
}

const redacted = '** Value redacted: Requires permission baremetal:volume:view_target_properties access. Permission denied. **';

/** Without secrets, and nothing of it to those who may not see how to connect to the volume. */
function shownProperties(context: ApiContext, request: FastifyRequest, volume: Volume): unknown {
  if (!('properties' in volume)) return undefined;
  if (!allows(request, 'baremetal:volume:view_target_properties')) return { redacted_contents: redacted };
  return withoutSecrets(volume.properties, declaredSecrets(context.drivers));
}
