/** Reads fields of resources that others wrote: a field of another type counts as absent. */
import { linkOf, pathOf } from '#wire/redfish/links.ts';
import { isObject } from '#wire/redfish/messages.ts';
import type { Json, Resource } from '#wire/redfish/redfish-client.ts';

export function at(value: Json | Resource | undefined, ...keys: readonly string[]): Json | undefined {
  let inner = value as Json | undefined;
  for (const key of keys) inner = isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined;
  return inner;
}

/** Empty text counts as absent too: services send it for what they do not know. */
export function textAt(value: Json | Resource | undefined, ...keys: readonly string[]): string | undefined {
  const found = at(value, ...keys);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** What is printed where nothing is known: by boards without their data, by OpenBMC, by NVIDIA. */
const blanks = /^(\.+|n\/?a|nil|none|null|unknown|not (specified|available)|to be filled by o\.?e\.?m\.?|default string)$/i;

/** Text that says something; a number counts as its digits, since services forget to quote names and serial numbers. */
export function wordAt(value: Json | Resource | undefined, ...keys: readonly string[]): string | undefined {
  const found = at(value, ...keys);
  const word = (typeof found === 'number' ? String(found) : textAt(found))?.trim();
  return word === undefined || word === '' || blanks.test(word) ? undefined : word;
}

const digits = /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i;

/** A number, also where it is quoted: Cisco CIMC quotes the readings of its sensors. */
export function numberAt(value: Json | Resource | undefined, ...keys: readonly string[]): number | undefined {
  const found = at(value, ...keys);
  const number = typeof found === 'string' && digits.test(found) ? Number(found) : found;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

export function booleanAt(value: Json | Resource | undefined, ...keys: readonly string[]): boolean | undefined {
  const found = at(value, ...keys);
  return typeof found === 'boolean' ? found : undefined;
}

export function objectAt(value: Json | Resource | undefined, ...keys: readonly string[]): Resource {
  const found = at(value, ...keys);
  return isObject(found) ? found : {};
}

/** The objects of an array. */
export function objectsAt(value: Json | Resource | undefined, ...keys: readonly string[]): Resource[] {
  const found = at(value, ...keys);
  return Array.isArray(found) ? found.filter(isObject) : [];
}

/** The texts of an array; undefined where there is no array. */
export function textsAt(value: Json | Resource | undefined, ...keys: readonly string[]): string[] | undefined {
  const found = at(value, ...keys);
  return Array.isArray(found) ? found.filter((entry) => typeof entry === 'string') : undefined;
}

/** Texts of which one is to be chosen (`…@Redfish.AllowableValues`, MediaTypes); a list of nothing tells as little as no list. */
export function choicesAt(value: Json | Resource | undefined, ...keys: readonly string[]): string[] | undefined {
  const texts = textsAt(value, ...keys);
  return texts && texts.length > 0 ? texts : undefined;
}

/** Path of the resource that a field points to (`@odata.id`). */
export function linkAt(value: Json | Resource | undefined, ...keys: readonly string[]): string | undefined {
  return linkOf(at(value, ...keys));
}

export function linksAt(value: Json | Resource | undefined, ...keys: readonly string[]): string[] {
  return objectsAt(value, ...keys).flatMap((entry) => linkAt(entry) ?? []);
}

/** Path in a field that is a URI itself, such as the target of an action. */
export function pathAt(value: Json | Resource | undefined, ...keys: readonly string[]): string | undefined {
  return pathOf(at(value, ...keys));
}

/**
 * Where an action (`ComputerSystem.Reset`) is posted; undefined where the resource has none of that name. Where it is listed
 * without a target (KubeVirtBMC), that is the path that DSP0266 "Actions" prescribes for all of them.
 */
export function actionPathAt(resource: Resource | undefined, name: string): string | undefined {
  const action = at(resource, 'Actions', `#${name}`);
  const own = linkAt(resource);
  if (!isObject(action)) return undefined;
  return pathAt(action, 'target') ?? (own && `${own.replace(/\/+$/, '')}/Actions/${name}`);
}

/** The row of a table that a service's word names; `constructor` and the like name none. */
export function rowOf<Row>(table: Readonly<Record<string, Row>>, word: string | undefined): Row | undefined {
  return word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;
}

/** Services write one path with and without a slash at its end, and in changing case: HPE iLO does both. */
export function samePath(a: string, b: string): boolean {
  return plainPath(a) === plainPath(b);
}

function plainPath(path: string): string {
  return path.replace(/\/+$/, '').toLowerCase();
}
