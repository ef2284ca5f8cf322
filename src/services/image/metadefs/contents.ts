/** Objects, properties, tags and resource types of a namespace as its items, and back. */
import type { JsonObject } from '#domain/json.ts';
import type { MetadefItem, MetadefKind } from '#store/tables/metadefs.ts';
import {
  type MetadefObject,
  type NamedProperty,
  type Namespace,
  type ResourceType,
  readProperties,
  readProperty,
} from './bodies.ts';

/** One that is to be stored. */
export type NewItem = { readonly kind: MetadefKind; readonly name: string; readonly content: JsonObject };

export function objectItem({ name, description, required = [], properties = {} }: MetadefObject): NewItem {
  const content = { ...(description !== undefined && { description }), required, properties: readProperties(properties) };
  return { kind: 'object', name, content };
}

export function propertyItem(name: string, property: NamedProperty): NewItem {
  return { kind: 'property', name, content: readProperty(property) };
}

export const tagItem = ({ name }: { readonly name: string }): NewItem => ({ kind: 'tag', name, content: {} });

export function resourceTypeItem({ name, prefix, properties_target }: ResourceType): NewItem {
  const content = { ...(prefix !== undefined && { prefix }), ...(properties_target !== undefined && { properties_target }) };
  return { kind: 'resource_type', name, content };
}

/** All that a new namespace defines. */
export function itemsOf({ objects = [], properties = {}, tags = [], resource_type_associations = [] }: Namespace): NewItem[] {
  return [
    ...resource_type_associations.map(resourceTypeItem),
    ...objects.map(objectItem),
    ...tags.map(tagItem),
    ...Object.entries(properties).map(([name, property]) => propertyItem(name, property)),
  ];
}

export type ObjectContent = {
  readonly description?: string;
  readonly required: readonly string[];
  readonly properties: Readonly<Record<string, NamedProperty>>;
};
export type ResourceTypeContent = { readonly prefix?: string; readonly properties_target?: string };

export const objectIn = ({ content }: MetadefItem) => content as unknown as ObjectContent;
export const propertyIn = ({ content }: MetadefItem) => content as unknown as NamedProperty;
export const resourceTypeIn = ({ content }: MetadefItem) => content as ResourceTypeContent;
