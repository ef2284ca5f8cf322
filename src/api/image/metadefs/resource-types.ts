/** Resource types, and which namespaces are for them (glance/api/v2/metadef_resource_types.py). */
import { Type } from 'typebox';
import { ResourceType, refuseReadOnly } from '#services/image/metadefs/bodies.ts';
import { resourceTypeItem } from '#services/image/metadefs/contents.ts';
import { addItem, listItems, removeItem } from '#services/image/metadefs/items.ts';
import { wholeSeconds } from '../image-view.ts';
import { allows, route } from '../policy.ts';
import { itemParams, namespaceOf, namespaceParams, targetOfNamespace } from './access.ts';
import { ResourceTypeReply, showResourceType } from './views.ts';

const Text = Type.String();
const path = '/metadefs/namespaces/:namespace/resource_types';

export const resourceTypeRoutes = [
  route({
    method: 'GET',
    path: '/metadefs/resource_types',
    policy: 'list_metadef_resource_types',
    summary: 'List resource types',
    reply: Type.Object({
      resource_types: Type.Array(Type.Object({ name: Text, created_at: Text, updated_at: Text })),
    }),
    async handler(_request, { store }) {
      const types = await store.metadef_resource_types.list({}, { orderBy: 'name' });
      const resource_types = types.map(({ name, created_at, updated_at }) => ({
        ...{ name, created_at: wholeSeconds(created_at), updated_at: wholeSeconds(updated_at) },
      }));
      return { resource_types };
    },
  }),
  route({
    method: 'GET',
    path,
    policy: 'get_metadef_resource_type',
    summary: 'List the resource types that a namespace is for',
    params: namespaceParams,
    reply: Type.Object({ resource_type_associations: Type.Array(ResourceTypeReply) }),
    async handler(request, context) {
      const namespace = await namespaceOf(request, context, 'list_metadef_resource_types');
      const isAllowed = allows(request, 'get_metadef_resource_type', targetOfNamespace(namespace));
      const items = isAllowed ? await listItems(context, namespace, 'resource_type') : [];
      return { resource_type_associations: items.map(showResourceType) };
    },
  }),
  route({
    method: 'POST',
    path,
    policy: 'add_metadef_resource_type_association',
    summary: 'Say that a namespace is for a resource type',
    status: 201,
    params: namespaceParams,
    body: ResourceType,
    reply: ResourceTypeReply,
    async handler(request, context) {
      refuseReadOnly(request.body, ['created_at', 'updated_at']);
      const namespace = await namespaceOf(request, context, 'add_metadef_resource_type_association');
      return showResourceType(await addItem(context, namespace, resourceTypeItem(request.body)));
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/:name`,
    policy: 'remove_metadef_resource_type_association',
    summary: 'Say that a namespace is not for a resource type',
    status: 204,
    params: itemParams,
    async handler(request, context) {
      const namespace = await namespaceOf(request, context, 'remove_metadef_resource_type_association');
      await removeItem(context, { namespace, kind: 'resource_type', name: request.params.name });
    },
  }),
];
