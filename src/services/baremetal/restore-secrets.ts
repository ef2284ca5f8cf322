/** The reverse of `withoutSecrets`: what was shown as asterisks, and is sent back so, stays what it was. */
import { Fault } from '#domain/faults.ts';
import type { Json, JsonObject } from '#domain/json.ts';
import { maskUrlSecrets } from '#domain/url-secrets.ts';
import { isSecretMember, mask, shownValue } from './secrets.ts';

type Declared = ReadonlySet<string>;

/** Lists inside of lists in which secrets are found again: what is inside of each is compared as a whole. */
const deepest = 8;

/**
 * `wanted`, with each masked value replaced by the previous one (or removed if there was none).
 * @param declared as for `withoutSecrets`
 * @param lists in which `wanted` is
 * @throws Fault `badRequest` if it is not certain which secret asterisks in a list or in a URL stand for, or it would be shown
 */
export function restoreSecrets(wanted: JsonObject, before: JsonObject, declared: Declared, lists = 0): JsonObject {
  const restored: [string, Json][] = [];
  for (const [key, value] of Object.entries(wanted)) {
    const former = Object.hasOwn(before, key) ? before[key] : undefined;
    // With another name beside it, what was masked would be shown.
    const isUncovered = isSecretMember(before, key, declared) && !isSecretMember(wanted, key, declared);
    if (isUncovered && former !== undefined && value === mask) throw unknownSecret(wanted, declared);
    const old = isUncovered ? undefined : former;
    if (value !== mask) restored.push([key, restoredValue(value, old, { declared, lists })]);
    else if (old !== undefined) restored.push([key, old]);
  }
  return Object.fromEntries(restored);
}

type Within = { readonly declared: Declared; readonly lists: number };

function restoredValue(value: Json, old: Json | undefined, within: Within): Json {
  if (Array.isArray(value)) return restoredList(value, Array.isArray(old) ? old : [], within);
  if (isObject(value)) return restoreSecrets(value, isObject(old) ? old : {}, within.declared, within.lists);
  if (typeof value !== 'string' || !value.includes(mask)) return value;
  if (typeof old === 'string' && value === maskUrlSecrets(old)) return old;
  // Asterisks that are no secret's place are text.
  if (value !== maskUrlSecrets(value.replaceAll(mask, 'x'))) return value;
  throw unknownSecret(value, within.declared);
}

/**
 * An item with asterisks is one that is shown so: as many must have been there as are sent. One that is shown like none
 * is a changed one: that with its name, or that in its place if the list is as long as before. Items are compared as
 * they are shown, so that the reply does not tell whether a guess is right.
 */
function restoredList(wanted: readonly Json[], old: readonly Json[], { declared, lists }: Within): Json[] {
  if (!wanted.some(hasMask)) return [...wanted];
  if (lists === deepest) throw unknownSecret([...wanted], declared);
  const within = { declared, lists: lists + 1 };
  const shapeOf = (item: Json) => JSON.stringify(shownValue(item, declared));
  const sent = wanted.map((item) => ({ item, shape: shapeOf(item) }));
  const sentLike = Map.groupBy(sent, ({ shape }) => shape);
  const oldLike = Map.groupBy(old, shapeOf);
  const changed = old.map((item) => (sentLike.has(shapeOf(item)) ? undefined : item));
  const changedByName = Map.groupBy(changed, nameOf);
  const taken = new Map<string, number>();
  return sent.map(({ item, shape }, index) => {
    const place = taken.get(shape) ?? 0;
    taken.set(shape, place + 1);
    if (!hasMask(item)) return item;
    const same = oldLike.get(shape);
    if (same?.length === sentLike.get(shape)?.length) return restoredValue(item, same?.[place], within);
    if (same) throw unknownSecret(item, declared);
    const named = nameOf(item) === undefined ? undefined : changedByName.get(nameOf(item));
    const inPlace = wanted.length === old.length ? changed[index] : undefined;
    return restoredItem(item, named?.length === 1 ? named[0] : inPlace, within);
  });
}

function nameOf(item: Json | undefined): Json | undefined {
  return isObject(item) && typeof item['name'] === 'string' ? item['name'] : undefined;
}

function restoredItem(item: Json, former: Json | undefined, within: Within): Json {
  if (!isObject(item)) return restoredValue(item, undefined, within);
  if (!isObject(former)) throw unknownSecret(item, within.declared);
  return restoreSecrets(item, former, within.declared, within.lists);
}

function unknownSecret(item: Json, declared: Declared): Fault {
  const shown = JSON.stringify(shownValue(item, declared)).slice(0, 200);
  return new Fault('badRequest', { detail: `The asterisks in ${shown} stand for no known secret: send the secret itself.` });
}

function hasMask(value: Json): boolean {
  if (typeof value === 'string') return value.includes(mask);
  return typeof value === 'object' && value !== null && Object.values(value).some((each) => hasMask(each as Json));
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
