/** The JSON schemas of metadata definitions: those by which requests are checked. */
import type { TSchema } from 'typebox';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { MetadefObject, Namespace, Property, ResourceType, Tag } from '#services/image/metadefs/bodies.ts';
import { route } from '../policy.ts';
import { collection, type Schema } from '../schemas.ts';

const published = (name: string, schema: TSchema): Schema => ({ ...schema, name });

const namespace = published('namespace', Namespace);
const object = published('object', MetadefObject);
const property = published('property', Property);
const resourceType = published('resource_type_association', ResourceType);
const tag = published('tag', Tag);

/** By name, not in a list: the name is no attribute of each. */
const { properties: list, ...properties } = collection('properties', property);
const { required: _, ...named } = property;

const schemaTable: Readonly<Record<string, Schema>> = {
  namespace,
  namespaces: collection('namespaces', namespace),
  object,
  objects: collection('objects', object),
  property,
  properties: {
    ...properties,
    properties: {
      ...list,
      properties: { type: 'object', additionalProperties: { ...named, required: ['type', 'title'] } },
    },
  },
  resource_type: resourceType,
  resource_types: collection('resource_type_associations', resourceType),
  tag,
  tags: collection('tags', tag),
};

export const metadefSchemaRoutes = [
  route({
    method: 'GET',
    path: '/schemas/metadefs/:name',
    policy: 'default',
    summary: 'Show the JSON schema of a resource of metadata definitions',
    reply: Type.Unsafe<Schema>({ type: 'object' }),
    handler(request) {
      const { name } = request.params;
      const schema = Object.hasOwn(schemaTable, name) ? schemaTable[name] : undefined;
      if (!schema) throw new Fault('notFound', { what: 'Schema', id: name });
      return schema;
    },
  }),
];
