/** Secrets in driver_info and instance_info: shown as asterisks; asterisks sent back change nothing. */

import { interfaceKinds } from '#domain/interface-kinds.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import { maskUrlSecrets, mask as stars } from '#domain/url-secrets.ts';
import type { DriverCatalog } from './driver-catalog.ts';

export const mask = stars;

/** Also for keys that no driver declares: a key named like a secret is masked. A host key is public. */
const secretName =
  /pass(word|phrase|wd)?$|password|pwd|secret|token|private_?key|key_contents|credential|community|(?<!_host)_key$|configdrive|kg$/i;

const declaredBy = new WeakMap<DriverCatalog, ReadonlySet<string>>();

/** Keys that any driver declares as secret: a node may still have those of a former driver. */
export function declaredSecrets(catalog: DriverCatalog): ReadonlySet<string> {
  const known = declaredBy.get(catalog) ?? findDeclared(catalog);
  declaredBy.set(catalog, known);
  return known;
}

function findDeclared(catalog: DriverCatalog): ReadonlySet<string> {
  const properties = interfaceKinds.flatMap((kind) =>
    Object.values(catalog[kind]).flatMap((driver) => Object.entries(driver.properties)),
  );
  return new Set(properties.filter(([, { secret }]) => secret).map(([name]) => name));
}

/**
 * A copy with secrets masked at any depth, and in URLs. Empty and missing secrets stay visible as such. A key `value`
 * is named by its sibling (`{"name": "AdminPassword", "value": …}`: BIOS settings).
 */
export function withoutSecrets(object: JsonObject, declared: ReadonlySet<string>): JsonObject {
  const entries = Object.entries(object).map(([key, value]): [string, Json] => {
    const isSecret = isSecretMember(object, key, declared) && value !== null && value !== '';
    return [key, isSecret ? mask : shownValue(value, declared)];
  });
  return Object.fromEntries(entries);
}

/** Whether this member of the object is masked, unless it is empty. */
export function isSecretMember(object: JsonObject, key: string, declared: ReadonlySet<string>): boolean {
  const label = key === 'value' && Object.hasOwn(object, 'name') ? object['name'] : key;
  // Clients choose it: an object or a list is no name, and may have no text.
  const name = typeof label === 'string' ? label : key;
  return declared.has(name) || secretName.test(name);
}

/** As `withoutSecrets`, of any value. */
export function shownValue(value: Json, declared: ReadonlySet<string>): Json {
  if (typeof value === 'string') return maskUrlSecrets(value);
  if (Array.isArray(value)) return value.map((item) => shownValue(item, declared));
  return value !== null && typeof value === 'object' ? withoutSecrets(value, declared) : value;
}
