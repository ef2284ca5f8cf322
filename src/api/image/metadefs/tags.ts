/** Tags of namespaces (glance/api/v2/metadef_tags.py). */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { MetadefName, refuseReadOnly, Tag, Tags } from '#services/image/metadefs/bodies.ts';
import { tagItem } from '#services/image/metadefs/contents.ts';
import { addItem, addTags, findItem, removeItem, saveItem } from '#services/image/metadefs/items.ts';
import { mostItems } from '#services/image/metadefs/limits.ts';
import { emptyNamespace } from '#services/image/metadefs/namespaces.ts';
import { readBoolean } from '#services/loose-booleans.ts';
import { isEqual } from '#store/conditions.ts';
import { listRows } from '#store/list.ts';
import { listTables } from '#store/list-tables.ts';
import { route } from '../policy.ts';
import { bodyLimit, itemParams, namespaceOf, namespaceParams } from './access.ts';
import { showTag, TagReply } from './views.ts';

const path = '/metadefs/namespaces/:namespace/tags';
const NamesReply = Type.Object({ tags: Type.Array(Type.Object({ name: Type.String() })) });
const Text = Type.Optional(Type.String());
const newParams = Type.Object({ namespace: Type.String({ maxLength: 255 }), name: MetadefName });

export const tagRoutes = [
  route({
    method: 'GET',
    path,
    policy: 'get_metadef_tags',
    summary: 'List the tags of a namespace',
    params: namespaceParams,
    query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 0 })), marker: Text, sort_key: Text, sort_dir: Text }),
    reply: NamesReply,
    async handler(request, context) {
      const namespace = await namespaceOf(request, context, 'get_metadef_tags');
      const { limit, marker, sort_key = 'created_at', sort_dir = 'desc' } = request.query;
      if (sort_dir !== 'asc' && sort_dir !== 'desc')
        throw new Fault('badRequest', { detail: `Invalid sort direction: ${sort_dir}` });
      if (!['created_at', 'updated_at', 'name', 'id'].includes(sort_key))
        throw new Fault('badRequest', { detail: `Sort key supplied is invalid: ${sort_key}` });
      if (marker) await findItem(context, { namespace, kind: 'tag', name: marker });
      const descending = sort_dir === 'desc';
      const source = {
        collection: context.store.metadef_items,
        table: listTables.metadef_items,
        visible: [isEqual('namespace_id', namespace.id), isEqual('kind', 'tag')],
        maximum: mostItems.tag,
      };
      const sort = [...new Set([sort_key, 'created_at', 'id'])].map((column) => ({ column, descending }));
      const page = await listRows(source, { where: [], limit, marker: marker || undefined, sort });
      return { tags: page.items.map(({ name }) => ({ name })) };
    },
  }),
  route({
    method: 'POST',
    path,
    policy: 'add_metadef_tags',
    summary: 'Replace the tags of a namespace, or add to them (`X-Openstack-Append`)',
    status: 201,
    params: namespaceParams,
    bodyLimit,
    body: Tags,
    reply: NamesReply,
    async handler(request, context) {
      const { body, headers } = request;
      const namespace = await namespaceOf(request, context, 'add_metadef_tags');
      const keep = readBoolean(String(headers['x-openstack-append'] ?? 'false')) === true;
      await addTags(context, namespace, { items: body.tags.map(tagItem), keep });
      return { tags: body.tags };
    },
  }),
  route({
    method: 'DELETE',
    path,
    policy: 'delete_metadef_tags',
    summary: 'Delete all tags of a namespace',
    status: 204,
    params: namespaceParams,
    async handler(request, context) {
      const namespace = await namespaceOf(request, context, 'delete_metadef_namespace', 'delete_metadef_tags');
      await emptyNamespace(context, { namespace, kind: 'tag' });
    },
  }),
  route({
    method: 'GET',
    path: `${path}/:name`,
    policy: 'get_metadef_tag',
    summary: 'Show a tag of a namespace',
    params: itemParams,
    reply: TagReply,
    async handler(request, context) {
      const namespace = await namespaceOf(request, context, 'get_metadef_tag');
      return showTag(await findItem(context, { namespace, kind: 'tag', name: request.params.name }));
    },
  }),
  route({
    method: 'POST',
    path: `${path}/:name`,
    policy: 'add_metadef_tag',
    summary: 'Create a tag in a namespace',
    status: 201,
    params: newParams,
    reply: TagReply,
    async handler(request, context) {
      const namespace = await namespaceOf(request, context, 'add_metadef_tag');
      return showTag(await addItem(context, namespace, tagItem(request.params)));
    },
  }),
  route({
    method: 'PUT',
    path: `${path}/:name`,
    policy: 'modify_metadef_tag',
    summary: 'Rename a tag of a namespace',
    params: itemParams,
    body: Tag,
    reply: TagReply,
    async handler(request, context) {
      refuseReadOnly(request.body, ['created_at', 'updated_at']);
      const namespace = await namespaceOf(request, context, 'modify_metadef_tag');
      const at = { namespace, kind: 'tag', name: request.params.name } as const;
      return showTag(await saveItem(context, { at, item: tagItem(request.body) }));
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/:name`,
    policy: 'delete_metadef_tag',
    summary: 'Delete a tag of a namespace',
    status: 204,
    params: itemParams,
    handler: async (request, context) =>
      removeItem(context, {
        namespace: await namespaceOf(request, context, 'delete_metadef_tag'),
        kind: 'tag',
        name: request.params.name,
      }),
  }),
];
