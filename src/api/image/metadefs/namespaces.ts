/** `/metadefs/namespaces` (glance/api/v2/metadef_namespaces.py). */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { Namespace, refuseReadOnly } from '#services/image/metadefs/bodies.ts';
import { objectIn } from '#services/image/metadefs/contents.ts';
import { listItems } from '#services/image/metadefs/items.ts';
import {
  createNamespace,
  deleteNamespace,
  findNamespace,
  updateNamespace,
  visibleNamespaces,
} from '#services/image/metadefs/namespaces.ts';
import { type Condition, isAmong, isEqual, isOneOf } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import type { MetadefItem } from '#store/tables/metadefs.ts';
import { defaultLimit, largestLimit } from '../list-query.ts';
import { allows, authorize, route } from '../policy.ts';
import { bodyLimit, namespaceOf, namespaceParams, targetOfNamespace } from './access.ts';
import { NamespaceReply, pathOf, showNamespace } from './views.ts';

const Text = Type.String();
const Visibility = Type.Optional(Text);
const sortKeys = ['created_at', 'updated_at', 'namespace', 'display_name', 'visibility', 'owner', 'id'];
const NamespaceQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Text),
  sort_key: Type.Optional(Text),
  sort_dir: Type.Optional(Text),
  visibility: Visibility,
  resource_types: Type.Optional(Type.String({ maxLength: 8192 })),
});
const readOnly = ['self', 'schema', 'created_at', 'updated_at'];

function readVisibility(visibility: string | undefined): Condition[] {
  if (!visibility) return [];
  if (visibility !== 'public' && visibility !== 'private')
    throw new Fault('badRequest', { detail: `Invalid visibility value: ${visibility}` });
  return [isEqual('visibility', visibility)];
}

function associatedWith(names: string): Condition {
  const where = [isEqual('kind', 'resource_type'), isOneOf('name', [...new Set(names.split(','))])];
  return isAmong('id', { table: 'metadef_items', select: 'namespace_id', where });
}

function readSort(column = 'created_at', direction = 'desc') {
  if (direction !== 'asc' && direction !== 'desc')
    throw new Fault('badRequest', { detail: `Invalid sort direction: ${direction}` });
  if (!sortKeys.includes(column)) throw new Fault('badRequest', { detail: `Sort key supplied is invalid: ${column}` });
  const descending = direction === 'desc';
  return [
    { column, descending },
    ...(column === 'created_at' ? [] : [{ column: 'created_at', descending }]),
    { column: 'id', descending },
  ];
}

/** Names in an object or namespace as the resource type has them. */
function prefixed(items: readonly MetadefItem[], resource_type: string | undefined): readonly MetadefItem[] {
  const association = items.find(({ kind, name }) => kind === 'resource_type' && name === resource_type);
  const { prefix } = (association?.content ?? {}) as { prefix?: string };
  if (!prefix) return items;
  return items.map((item) => {
    if (item.kind === 'property') return { ...item, name: prefix + item.name };
    if (item.kind !== 'object') return item;
    const { required, properties, ...rest } = objectIn(item);
    const named = Object.fromEntries(Object.entries(properties).map(([name, property]) => [prefix + name, property]));
    return { ...item, content: { ...rest, required: required.map((name) => prefix + name), properties: named } };
  });
}

export const namespaceRoutes = [
  route({
    method: 'GET',
    path: '/metadefs/namespaces',
    policy: 'get_metadef_namespaces',
    summary: 'List namespaces of metadata definitions',
    query: NamespaceQuery,
    reply: Type.Object({ namespaces: Type.Array(NamespaceReply), first: Text, next: Type.Optional(Text), schema: Text }),
    async handler(request, context) {
      const { caller, query } = request;
      const { store } = context;
      authorize(request, 'list_metadef_resource_types');
      if (query.marker) await findNamespace(context, caller, query.marker);
      const { limit = defaultLimit, resource_types } = query;
      const where = [
        ...readVisibility(query.visibility),
        ...(resource_types === undefined ? [] : [associatedWith(resource_types)]),
      ];
      const source = {
        collection: store.metadef_namespaces,
        table: listTables.metadef_namespaces,
        visible: visibleNamespaces(caller),
        maximum: largestLimit,
      };
      const sort = readSort(query.sort_key, query.sort_dir);
      const page =
        limit === 0
          ? { items: [], next: undefined }
          : await listRows(source, { where, limit, marker: query.marker || undefined, sort });
      const shown = page.items.filter((each) => allows(request, 'get_metadef_namespace', targetOfNamespace(each)));
      const ids = shown.map(({ id }) => id);
      const types = ids.length > 0 ? await store.metadef_items.list({ namespace_id: ids, kind: 'resource_type' }) : [];
      const typesOf = Map.groupBy(types, ({ namespace_id }) => namespace_id);
      const link = (marker: string | undefined) => {
        const given = new URL(request.url, 'http://localhost').searchParams;
        given.delete('marker');
        if (marker !== undefined) given.set('marker', marker);
        return given.size > 0 ? `/v2/metadefs/namespaces?${given}` : '/v2/metadefs/namespaces';
      };
      return {
        namespaces: shown.map((each) => showNamespace(each, typesOf.get(each.id))),
        first: link(undefined),
        ...(page.next !== undefined && { next: link(page.next) }),
        schema: '/v2/schemas/metadefs/namespaces',
      };
    },
  }),
  route({
    method: 'POST',
    path: '/metadefs/namespaces',
    policy: 'add_metadef_namespace',
    summary: 'Create a namespace of metadata definitions',
    status: 201,
    bodyLimit,
    body: Namespace,
    reply: NamespaceReply,
    async handler(request, context, reply) {
      const { body, caller } = request;
      refuseReadOnly(body, readOnly);
      if (body.resource_type_associations?.length) authorize(request, 'add_metadef_resource_type_association');
      if (body.objects?.length) authorize(request, 'add_metadef_object');
      if (body.properties && Object.keys(body.properties).length > 0) authorize(request, 'add_metadef_property');
      if (body.tags?.length) authorize(request, 'add_metadef_tag');
      const namespace = await createNamespace(context, caller, body);
      reply.header('location', encodeURI(pathOf(namespace)));
      return showNamespace(namespace, await listItems(context, namespace));
    },
  }),
  route({
    method: 'GET',
    path: '/metadefs/namespaces/:namespace',
    policy: 'get_metadef_namespace',
    summary: 'Show a namespace of metadata definitions with its contents',
    params: namespaceParams,
    query: Type.Object({ resource_type: Type.Optional(Text), visibility: Visibility }),
    reply: NamespaceReply,
    async handler(request, context) {
      const rules = ['list_metadef_resource_types', 'get_metadef_objects', 'get_metadef_properties', 'get_metadef_tags'] as const;
      const namespace = await namespaceOf(request, context, ...rules);
      readVisibility(request.query.visibility);
      return showNamespace(namespace, prefixed(await listItems(context, namespace), request.query.resource_type));
    },
  }),
  route({
    method: 'PUT',
    path: '/metadefs/namespaces/:namespace',
    policy: 'modify_metadef_namespace',
    summary: 'Change a namespace of metadata definitions; its contents stay',
    params: namespaceParams,
    bodyLimit,
    body: Namespace,
    reply: NamespaceReply,
    async handler(request, context) {
      const { body, caller } = request;
      refuseReadOnly(body, readOnly);
      const namespace = await namespaceOf(request, context, 'modify_metadef_namespace');
      return showNamespace(await updateNamespace(context, caller, { namespace, body }));
    },
  }),
  route({
    method: 'DELETE',
    path: '/metadefs/namespaces/:namespace',
    policy: 'delete_metadef_namespace',
    summary: 'Delete a namespace of metadata definitions with its contents',
    status: 204,
    params: namespaceParams,
    handler: async (request, context) =>
      deleteNamespace(context, await namespaceOf(request, context, 'delete_metadef_namespace')),
  }),
];
