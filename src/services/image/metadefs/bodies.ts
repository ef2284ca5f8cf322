/**
 * What requests about metadata definitions contain (glance/api/v2/metadef_*.py): the same schemas are published, so that
 * clients check by them what they send.
 */
import { type Static, type TProperties, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { MetadefKind } from '#store/tables/metadefs.ts';
import { mostItems } from './limits.ts';

/** The length of Glance's columns. */
const longestName = 80;
export const MetadefName = Type.String({ minLength: 1, maxLength: longestName });
const Text = Type.String();
const Texts = Type.Array(Text, { uniqueItems: true });
const Count = Type.Integer({ minimum: 0 });
const readOnly = Type.Optional(Type.String({ readOnly: true }));
const times = { created_at: readOnly, updated_at: readOnly };
const links = { self: readOnly, schema: readOnly };
const optional = <Fields extends TProperties>(fields: Fields) => Type.Partial(Type.Object(fields)).properties;

const most = (kind: MetadefKind) => ({ maxItems: mostItems[kind] });

const valueTypes = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const ValueType = Type.Enum(valueTypes);

const propertyFields = {
  title: Text,
  type: ValueType,
  ...optional({
    description: Text,
    operators: Type.Array(Text),
    default: Text,
    readonly: Type.Boolean(),
    minimum: Type.Number(),
    maximum: Type.Number(),
    enum: Type.Array(Text),
    pattern: Text,
    minLength: Count,
    maxLength: Count,
    items: Type.Object({ type: ValueType, enum: Type.Optional(Type.Array(Text)) }, { additionalProperties: false }),
    uniqueItems: Type.Boolean(),
    minItems: Count,
    maxItems: Count,
    additionalItems: Type.Boolean(),
  }),
};
const closed = { additionalProperties: false };
export const Property = Type.Object({ name: MetadefName, ...propertyFields, ...times }, closed);
export type Property = Static<typeof Property>;
/** Under its name in an object or namespace. */
export const NamedProperty = Type.Object(
  {
    name: Type.Optional(Type.String({ maxLength: longestName })),
    ...propertyFields,
    confidential: Type.Optional(Type.Boolean()),
  },
  closed,
);
export type NamedProperty = Static<typeof NamedProperty>;
const Properties = Type.Record(MetadefName, NamedProperty);

const objectFields = {
  name: MetadefName,
  ...optional({ description: Text, required: Texts, properties: Properties }),
  ...times,
  ...links,
};
export const MetadefObject = Type.Object(objectFields, closed);
export type MetadefObject = Static<typeof MetadefObject>;

export const Tag = Type.Object({ name: MetadefName, ...times }, closed);
export const Tags = Type.Object({ tags: Type.Array(Type.Object({ name: MetadefName }, closed), most('tag')) }, closed);

export const ResourceType = Type.Object(
  {
    name: MetadefName,
    ...optional({
      prefix: Type.String({ maxLength: longestName }),
      properties_target: Type.String({ maxLength: longestName }),
    }),
    ...times,
  },
  closed,
);
export type ResourceType = Static<typeof ResourceType>;

export const Namespace = Type.Object(
  {
    namespace: MetadefName,
    ...optional({
      display_name: Type.String({ maxLength: longestName }),
      description: Type.String({ maxLength: 500 }),
      visibility: Type.Enum(['public', 'private']),
      protected: Type.Boolean(),
      owner: Type.String({ maxLength: 255 }),
      resource_type_associations: Type.Array(ResourceType, most('resource_type')),
      properties: Properties,
      objects: Type.Array(MetadefObject, most('object')),
      tags: Type.Array(Tag, most('tag')),
    }),
    ...times,
    ...links,
  },
  closed,
);
export type Namespace = Static<typeof Namespace>;

/** What Glance itself writes. @throws Fault `forbidden` */
export function refuseReadOnly(body: object, names: readonly string[]): void {
  const found = names.find((name) => Object.hasOwn(body, name));
  if (found !== undefined) throw new Fault('forbidden', { detail: `Attribute '${found}' is read-only.` });
}

/** Bounds are whole numbers, as Glance keeps them. */
export function readProperty<P extends NamedProperty>(property: P): P {
  const { minimum, maximum } = property;
  return {
    ...property,
    ...(minimum !== undefined && { minimum: Math.trunc(minimum) }),
    ...(maximum !== undefined && { maximum: Math.trunc(maximum) }),
  };
}

export function readProperties(properties: Readonly<Record<string, NamedProperty>>): Record<string, NamedProperty> {
  return Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, readProperty(property)]));
}
