/** Metadata definitions in Glance's representation; what is empty is left out, as there. */
import { type TSchema, Type } from 'typebox';
import { objectIn, propertyIn, type ResourceTypeContent, resourceTypeIn } from '#services/image/metadefs/contents.ts';
import type { MetadefItem, MetadefKind, MetadefNamespace } from '#store/tables/metadefs.ts';
import { wholeSeconds } from '../image-view.ts';

const Text = Type.String();
const optional = (...names: string[]) => Object.fromEntries(names.map((name) => [name, Type.Optional(Text)]));
const Loose = Type.Unsafe<object>({ type: 'object' });
const times = { created_at: Text, updated_at: Text };

type Row = Readonly<Record<string, unknown>>;
/** What a reply has is checked by its tests: its type follows from what the clients sent. */
const row = (fields: Record<string, TSchema>) => Type.Unsafe<Row>(Type.Object(fields, { additionalProperties: false }));

const timesOf = ({ created_at, updated_at }: { created_at: string; updated_at: string }) => ({
  created_at: wholeSeconds(created_at),
  updated_at: wholeSeconds(updated_at),
});

export const PropertyReply = Type.Unsafe<Row>({ type: 'object' });
export const showProperty = (item: MetadefItem): Row => ({ ...propertyIn(item), name: item.name });

export const ResourceTypeReply = row({ name: Text, ...optional('prefix', 'properties_target'), ...times });
export function showResourceType(item: MetadefItem): Row {
  return { name: item.name, ...(resourceTypeIn(item) satisfies ResourceTypeContent), ...timesOf(item) };
}

export const TagReply = row({ name: Text, ...times });
export const showTag = (item: MetadefItem): Row => ({ name: item.name, ...timesOf(item) });

export const ObjectReply = row({
  name: Text,
  description: Type.Optional(Text),
  required: Type.Array(Text),
  properties: Loose,
  self: Text,
  schema: Text,
  ...times,
});
export function showObject(namespace: string, item: MetadefItem): Row {
  const { description, required, properties } = objectIn(item);
  return {
    name: item.name,
    ...(description !== undefined && { description }),
    ...{ required, properties, self: `/v2/metadefs/namespaces/${namespace}/objects/${item.name}` },
    ...{ schema: '/v2/schemas/metadefs/object', ...timesOf(item) },
  };
}

export const NamespaceReply = row({
  namespace: Text,
  ...optional('display_name', 'description'),
  visibility: Text,
  protected: Type.Boolean(),
  owner: Text,
  self: Text,
  schema: Text,
  ...times,
  resource_type_associations: Type.Optional(Type.Array(ResourceTypeReply)),
  properties: Type.Optional(Loose),
  objects: Type.Optional(Type.Array(ObjectReply)),
  tags: Type.Optional(Type.Array(Type.Object({ name: Text }))),
});
export const pathOf = ({ namespace }: MetadefNamespace) => `/v2/metadefs/namespaces/${namespace}`;

/** @param items those of its contents that are to be shown */
export function showNamespace(namespace: MetadefNamespace, items: readonly MetadefItem[] = []): Row {
  const { display_name, description, visibility, owner } = namespace;
  const all = (kind: MetadefKind) => items.filter((item) => item.kind === kind);
  const contents = {
    resource_type_associations: all('resource_type').map(showResourceType),
    objects: all('object').map((item) => showObject(namespace.namespace, item)),
    tags: all('tag').map(({ name }) => ({ name })),
  };
  const properties = all('property').map((item) => [item.name, propertyIn(item)] as const);
  return {
    namespace: namespace.namespace,
    ...(display_name !== null && { display_name }),
    ...(description !== null && { description }),
    ...{ visibility, protected: namespace.protected, owner, ...timesOf(namespace) },
    ...{ self: pathOf(namespace), schema: '/v2/schemas/metadefs/namespace' },
    ...Object.fromEntries(Object.entries(contents).filter(([, shown]) => shown.length > 0)),
    ...(properties.length > 0 && { properties: Object.fromEntries(properties) }),
  };
}
