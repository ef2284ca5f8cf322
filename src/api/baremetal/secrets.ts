/** Secrets in driver_info and instance_info: shown as stars, and stars sent back change nothing. */
import type { Json, JsonObject } from '#domain/records.ts';
import { maskUrlSecrets, mask as stars } from '../url-secrets.ts';
import { type DriverCatalog, slots } from './driver-catalog.ts';

export const mask = stars;

/** Also for keys that no driver declares: what is named like a secret is taken for one. A host's key is its public one. */
const secretName =
  /pass(word|phrase|wd)?$|password|pwd|secret|token|private_?key|key_contents|credential|community|(?<!_host)_key$|configdrive|kg$/i;

/** Names of the keys that any driver declares as secret: what a node keeps of a former driver is one, too. */
export function declaredSecrets(catalog: DriverCatalog): ReadonlySet<string> {
  const properties = slots.flatMap((slot) => Object.values(catalog[slot]).flatMap((driver) => Object.entries(driver.properties)));
  return new Set(properties.filter(([, { secret }]) => secret).map(([name]) => name));
}

/**
 * A copy without secrets, at any depth; URLs without theirs. Empty and missing secrets stay visible as such. The name of
 * what is called `value` stands beside it (`{"name": "AdminPassword", "value": …}`: BIOS settings).
 */
export function withoutSecrets(object: JsonObject, declared: ReadonlySet<string>): JsonObject {
  const entries = Object.entries(object).map(([key, value]): [string, Json] => {
    const name = key === 'value' ? String(object['name'] ?? key) : key;
    const isSecret = (declared.has(name) || secretName.test(name)) && value !== null && value !== '';
    return [key, isSecret ? mask : shownValue(value, declared)];
  });
  return Object.fromEntries(entries);
}

function shownValue(value: Json, declared: ReadonlySet<string>): Json {
  if (typeof value === 'string') return maskUrlSecrets(value);
  if (Array.isArray(value)) return value.map((item) => shownValue(item, declared));
  return value !== null && typeof value === 'object' ? withoutSecrets(value, declared) : value;
}

/** `wanted`, with every star replaced by what stood there before (or left out where nothing did). */
export function restoreSecrets(wanted: JsonObject, before: JsonObject): JsonObject {
  const restored: JsonObject = {};
  for (const [key, value] of Object.entries(wanted)) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    if (typeof old === 'string' && value === maskUrlSecrets(old)) restored[key] = old;
    else if (value !== mask) restored[key] = isObject(value) && isObject(old) ? restoreSecrets(value, old) : value;
    else if (old !== undefined) restored[key] = old;
  }
  return restored;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
