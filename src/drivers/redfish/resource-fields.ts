/** Reads fields of untrusted resources: a field of the wrong type counts as absent. */
import { linkOf, pathOf } from '#wire/redfish/links.ts';
import { isObject } from '#wire/redfish/messages.ts';
import type { Json, Resource } from '#wire/redfish/redfish-client.ts';

export function at(value: Json | Resource | undefined, ...keys: readonly string[]): Json | undefined {
  let inner = value as Json | undefined;
  for (const key of keys) inner = isObject(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined;
  return inner;
}

/** An empty string counts as absent too: services send it for unknown values. */
export function textAt(value: Json | Resource | undefined, ...keys: readonly string[]): string | undefined {
  const found = at(value, ...keys);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

/** Placeholders for unknown values, as sent by unprogrammed boards, OpenBMC and NVIDIA. */
const blanks = /^(\.+|n\/?a|nil|none|null|unknown|not (specified|available)|to be filled by o\.?e\.?m\.?|default string)$/i;

/** Text other than a placeholder; a number is converted, since services omit quotes of names and serial numbers. */
export function wordAt(value: Json | Resource | undefined, ...keys: readonly string[]): string | undefined {
  const found = at(value, ...keys);
  const word = (typeof found === 'number' ? String(found) : textAt(found))?.trim();
  return word === undefined || word === '' || blanks.test(word) ? undefined : word;
}

const digits = /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i;

/** A number, also if it is quoted: Cisco CIMC quotes its sensor readings. */
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

/** The objects in an array. */
export function objectsAt(value: Json | Resource | undefined, ...keys: readonly string[]): Resource[] {
  const found = at(value, ...keys);
  return Array.isArray(found) ? found.filter(isObject) : [];
}

/** The strings in an array; undefined if there is no array. */
export function textsAt(value: Json | Resource | undefined, ...keys: readonly string[]): string[] | undefined {
  const found = at(value, ...keys);
  return Array.isArray(found) ? found.filter((entry) => typeof entry === 'string') : undefined;
}

/** Allowable values (`…@Redfish.AllowableValues`, MediaTypes); an empty list counts as absent. */
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

/** Path in a field that is itself a URI, such as the target of an action. */
export function pathAt(value: Json | Resource | undefined, ...keys: readonly string[]): string | undefined {
  return pathOf(at(value, ...keys));
}

/**
 * URI path of an action (`ComputerSystem.Reset`); undefined if the resource lacks it. An action without a target
 * (KubeVirtBMC) has the standard path of DSP0266 "Actions".
 */
export function actionPathAt(resource: Resource | undefined, name: string): string | undefined {
  const action = at(resource, 'Actions', `#${name}`);
  const own = linkAt(resource);
  if (!isObject(action)) return undefined;
  return pathAt(action, 'target') ?? (own && `${own.replace(/\/+$/, '')}/Actions/${name}`);
}

/** The table row for a value from a service; `constructor` and the like match none. */
export function rowOf<Row>(table: Readonly<Record<string, Row>>, word: string | undefined): Row | undefined {
  return word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;
}

/** Ignores case and a trailing slash, which services use inconsistently (HPE iLO). */
export function samePath(a: string, b: string): boolean {
  return plainPath(a) === plainPath(b);
}

function plainPath(path: string): string {
  return path.replace(/\/+$/, '').toLowerCase();
}
