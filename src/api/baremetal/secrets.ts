/** Secrets in driver_info and instance_info: shown as stars, and stars sent back change nothing. */
import type { Json, JsonObject } from '#domain/records.ts';
import { type DriverCatalog, propertiesOf } from './driver-catalog.ts';

export const mask = '******';

/** Also for keys that no driver declares: what is named like a secret is taken for one. A host's key is its public one. */
const secretName = /pass(word|phrase|wd)?$|password|secret|token|private_?key|credential|(?<!_host)_key$|configdrive|kg$/i;

/** Names of the keys that the hardware type `driver` declares as secret. */
export function declaredSecrets(catalog: DriverCatalog, driver: string): ReadonlySet<string> {
  const type = Object.hasOwn(catalog.hardwareTypes, driver) ? catalog.hardwareTypes[driver] : undefined;
  const properties = type ? Object.entries(propertiesOf(catalog, type)) : [];
  return new Set(properties.filter(([, { secret }]) => secret).map(([name]) => name));
}

/** A copy without secrets, at any depth. Empty and missing secrets stay visible as such. */
export function withoutSecrets(object: JsonObject, declared: ReadonlySet<string>): JsonObject {
  const shown: JsonObject = {};
  for (const [key, value] of Object.entries(object)) {
    const isSecret = (declared.has(key) || secretName.test(key)) && value !== null && value !== '';
    shown[key] = isSecret ? mask : shownValue(value, declared);
  }
  return shown;
}

function shownValue(value: Json, declared: ReadonlySet<string>): Json {
  if (Array.isArray(value)) return value.map((item) => shownValue(item, declared));
  return value !== null && typeof value === 'object' ? withoutSecrets(value, declared) : value;
}

/** `wanted`, with every star replaced by what stood there before (or left out where nothing did). */
export function restoreSecrets(wanted: JsonObject, before: JsonObject): JsonObject {
  const restored: JsonObject = {};
  for (const [key, value] of Object.entries(wanted)) {
    const old = before[key];
    if (value !== mask) restored[key] = isObject(value) && isObject(old) ? restoreSecrets(value, old) : value;
    else if (old !== undefined) restored[key] = old;
  }
  return restored;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
