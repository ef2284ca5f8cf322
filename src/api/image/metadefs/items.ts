/** Objects and properties of namespaces (glance/api/v2/metadef_objects.py, metadef_properties.py). */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { MetadefObject, Property, refuseReadOnly } from '#services/image/metadefs/bodies.ts';
import { objectItem, propertyIn, propertyItem, resourceTypeIn } from '#services/image/metadefs/contents.ts';
import { addItem, findItem, listItems, removeItem, saveItem } from '#services/image/metadefs/items.ts';
import { emptyNamespace } from '#services/image/metadefs/namespaces.ts';
import type { MetadefNamespace } from '#store/tables/metadefs.ts';
import type { ApiContext } from '../../context.ts';
import { route } from '../policy.ts';
import { bodyLimit, itemParams, namespaceOf, namespaceParams } from './access.ts';
import { ObjectReply, PropertyReply, showObject, showProperty } from './views.ts';

const Text = Type.String();
const objectReadOnly = ['self', 'schema', 'created_at', 'updated_at'];
const propertyReadOnly = ['created_at', 'updated_at'];
const objects = '/metadefs/namespaces/:namespace/objects';
const properties = '/metadefs/namespaces/:namespace/properties';

const objectRoutes = [
  route({
    method: 'GET',
    path: objects,
    policy: 'get_metadef_objects',
    summary: 'List the objects of a namespace',
    params: namespaceParams,
    reply: Type.Object({ objects: Type.Array(ObjectReply), schema: Text }),
    async handler(request, context) {
      const namespace = await namespaceOf(request, context, 'get_metadef_objects');
      const items = await listItems(context, namespace, 'object');
      // Glance's link begins without a slash.
      return { objects: items.map((item) => showObject(namespace.namespace, item)), schema: 'v2/schemas/metadefs/objects' };
    },
  }),
  route({
    method: 'POST',
    path: objects,
    policy: 'add_metadef_object',
    summary: 'Create an object in a namespace',
    status: 201,
    params: namespaceParams,
    bodyLimit,
    body: MetadefObject,
    reply: ObjectReply,
    async handler(request, context) {
      refuseReadOnly(request.body, objectReadOnly);
      const namespace = await namespaceOf(request, context, 'add_metadef_object');
      return showObject(namespace.namespace, await addItem(context, namespace, objectItem(request.body)));
    },
  }),
  route({
    method: 'GET',
    path: `${objects}/:name`,
    policy: 'get_metadef_object',
    summary: 'Show an object of a namespace',
    params: itemParams,
    reply: ObjectReply,
    async handler(request, context) {
      const namespace = await namespaceOf(request, context, 'get_metadef_object');
      return showObject(namespace.namespace, await findItem(context, { namespace, kind: 'object', name: request.params.name }));
    },
  }),
  route({
    method: 'PUT',
    path: `${objects}/:name`,
    policy: 'modify_metadef_object',
    summary: 'Replace an object of a namespace',
    params: itemParams,
    bodyLimit,
    body: MetadefObject,
    reply: ObjectReply,
    async handler(request, context) {
      refuseReadOnly(request.body, objectReadOnly);
      const namespace = await namespaceOf(request, context, 'modify_metadef_object');
      const at = { namespace, kind: 'object', name: request.params.name } as const;
      return showObject(namespace.namespace, await saveItem(context, { at, item: objectItem(request.body) }));
    },
  }),
];

const propertyRoutes = [
  route({
    method: 'GET',
    path: properties,
    policy: 'get_metadef_properties',
    summary: 'List the properties of a namespace',
    params: namespaceParams,
    reply: Type.Object({ properties: Type.Record(Text, PropertyReply) }),
    async handler(request, context) {
      const namespace = await namespaceOf(request, context, 'get_metadef_properties');
      const items = await listItems(context, namespace, 'property');
      return { properties: Object.fromEntries(items.map((item) => [item.name, propertyIn(item)])) };
    },
  }),
  route({
    method: 'POST',
    path: properties,
    policy: 'add_metadef_property',
    summary: 'Create a property in a namespace',
    status: 201,
    params: namespaceParams,
    bodyLimit,
    body: Property,
    reply: PropertyReply,
    async handler(request, context) {
      refuseReadOnly(request.body, propertyReadOnly);
      const namespace = await namespaceOf(request, context, 'add_metadef_property');
      return showProperty(await addItem(context, namespace, propertyItem(request.body.name, request.body)));
    },
  }),
  route({
    method: 'GET',
    path: `${properties}/:name`,
    policy: 'get_metadef_property',
    summary: 'Show a property of a namespace',
    params: itemParams,
    query: Type.Object({ resource_type: Type.Optional(Text) }),
    reply: PropertyReply,
    async handler(request, context) {
      const { resource_type } = request.query;
      const rules = ['get_metadef_property', ...(resource_type ? (['get_metadef_resource_type'] as const) : [])] as const;
      const namespace = await namespaceOf(request, context, ...rules);
      const name = await unprefixed(context, namespace, { name: request.params.name, resource_type });
      return showProperty(await findItem(context, { namespace, kind: 'property', name }));
    },
  }),
  route({
    method: 'PUT',
    path: `${properties}/:name`,
    policy: 'modify_metadef_property',
    summary: 'Replace a property of a namespace',
    params: itemParams,
    bodyLimit,
    body: Property,
    reply: PropertyReply,
    async handler(request, context) {
      refuseReadOnly(request.body, propertyReadOnly);
      const namespace = await namespaceOf(request, context, 'modify_metadef_property');
      const at = { namespace, kind: 'property', name: request.params.name } as const;
      return showProperty(await saveItem(context, { at, item: propertyItem(request.body.name, request.body) }));
    },
  }),
];

type Named = { name: string; resource_type: string | undefined };

/** The name of a property as the namespace has it. @throws Fault `missing` */
async function unprefixed(context: ApiContext, namespace: MetadefNamespace, { name, resource_type }: Named): Promise<string> {
  if (!resource_type) return name;
  const types = await listItems(context, namespace, 'resource_type');
  const association = types.find((item) => item.name === resource_type);
  if (!association) {
    const where = `resource-type=${resource_type} to namespace=${namespace.namespace}`;
    throw new Fault('missing', { detail: `The metadata definition resource-type association of ${where}, was not found.` });
  }
  const { prefix } = resourceTypeIn(association);
  if (prefix && name.startsWith(prefix)) return name.slice(prefix.length);
  const expected = `the expected resource type association prefix of '${prefix ?? 'None'}'`;
  throw new Fault('missing', { detail: `Property ${name} does not start with ${expected}.` });
}

const removals = [
  { kind: 'object', path: objects, rule: 'delete_metadef_object' },
  { kind: 'property', path: properties, rule: 'remove_metadef_property' },
] as const;

const removalRoutes = removals.flatMap(({ kind, path, rule }) => [
  route({
    method: 'DELETE',
    path,
    policy: 'delete_metadef_namespace',
    summary: kind === 'object' ? 'Delete all objects of a namespace' : 'Delete all properties of a namespace',
    status: 204,
    params: namespaceParams,
    handler: async (request, context) =>
      emptyNamespace(context, { namespace: await namespaceOf(request, context, 'delete_metadef_namespace'), kind }),
  }),
  route({
    method: 'DELETE',
    path: `${path}/:name`,
    policy: rule,
    summary: kind === 'object' ? 'Delete an object of a namespace' : 'Delete a property of a namespace',
    status: 204,
    params: itemParams,
    handler: async (request, context) =>
      removeItem(context, { namespace: await namespaceOf(request, context, rule), kind, name: request.params.name }),
  }),
]);

export const metadefItemRoutes = [...objectRoutes, ...propertyRoutes, ...removalRoutes];
