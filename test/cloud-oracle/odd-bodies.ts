/** Steps whose bodies have a field that is missing, of another type, too long or unknown. */
import { remove, type Step } from './scenario.ts';

type Fields = Readonly<Record<string, unknown>>;
type Odd = {
  readonly method: 'POST' | 'PATCH' | 'PUT';
  readonly path: string;
  /** Key of the body under which the fields stand. */
  readonly noun: string;
  /** Before the name of each step. */
  readonly prefix?: string;
  /** What is right. */
  readonly good: Fields;
  /** For each field values in place of the right one; `missing` leaves it out. */
  readonly odd: Readonly<Record<string, readonly unknown[]>>;
  readonly as?: string;
  /** Whether what is accepted is deleted at once. */
  readonly isRemoved?: boolean;
};

export const missing = Symbol('missing');
export const long = (length: number) => 'x'.repeat(length);
/** Of no type of the API. */
export const unlikeText: readonly unknown[] = [5, true, ['x'], { x: 1 }, null];
export const unlikeFlag: readonly unknown[] = ['true', 'maybe', 1, [], null];
export const unlikeName: readonly unknown[] = [missing, ...unlikeText, '', ' ', long(255), long(256)];
export const unlikeId: readonly unknown[] = ['', 'no such', 'none', long(64), long(65), ...unlikeText];

/** Names are made unique, so that what is accepted is no duplicate. */
export function oddBodies({ method, path, noun, prefix = '', good, odd, as, isRemoved }: Odd): Step[] {
  let count = 0;
  return Object.entries(odd).flatMap(([field, values]) =>
    values.flatMap((value) => {
      count += 1;
      const unique = typeof good['name'] === 'string' ? { name: `${good['name']}-${field}-${count}` } : {};
      const fields: Record<string, unknown> = { ...good, ...unique, [field]: value };
      if (value === missing) delete fields[field];
      const name = `${prefix}${noun} with ${field} ${shown(value)}`;
      const step: Step = { name, method, path, body: { [noun]: fields }, ...(as && { as }) };
      if (!isRemoved) return [step];
      const id = `odd${count}`;
      return [{ ...step, keeps: { [id]: `body.${noun}.id` } }, remove(name, `${path}/{${id}}`)];
    }),
  );
}

function shown(value: unknown): string {
  if (value === missing) return 'missing';
  const text = JSON.stringify(value);
  return text.length > 40 ? `of ${text.length} characters` : text;
}

/** Bodies that are none of this noun. */
export function noBodies(method: 'POST' | 'PATCH' | 'PUT', path: string, noun: string): Step[] {
  const ask = (name: string, more: object): Step => ({ name: `${noun}: ${name}`, method, path, ...more });
  return [
    ask('no body', {}),
    ask('an empty object', { body: {} }),
    ask('a list', { body: [] }),
    ask('null', { body: { [noun]: null } }),
    ask('a list in it', { body: { [noun]: [] } }),
    ask('a text in it', { body: { [noun]: 'x' } }),
    ask('nothing in it', { body: { [noun]: {} } }),
    ask('another noun', { body: { other: {} } }),
    ask('no JSON', { raw: '{' }),
    ask('of another type', { raw: 'x=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
  ];
}
