/** The messages of LDAP that a reader of a directory needs (RFC 4511, section 4), and paged results (RFC 2696). */
import { BerReader, boolean, element, integer, octets, sequence, tags } from './ber.ts';
import type { Filter } from './filter.ts';
import { LdapError } from './ldap-error.ts';

export const operations = {
  ...{ bind: 0x60, bindResult: 0x61, unbind: 0x42, search: 0x63, entry: 0x64, searchResult: 0x65, reference: 0x73 },
  ...{ extended: 0x77, extendedResult: 0x78 },
} as const;

const startTlsName = '1.3.6.1.4.1.1466.20037';
const pagedResults = '1.2.840.113556.1.4.319';

export type Search = {
  readonly base: string;
  readonly scope: 'one' | 'sub';
  readonly filter: Filter;
  readonly attributes: readonly string[];
};

/** One page of a search: with the cookie that the last one ended with. */
export type Page = { readonly size: number; readonly cookie: Buffer };

/** By names in lower case. */
export type Entry = { readonly dn: string; readonly attributes: ReadonlyMap<string, readonly Buffer[]> };

export type Result = { readonly code: number; readonly diagnostic: string; readonly cookie: Buffer | undefined };

export type Message = { readonly id: number; readonly operation: number } & (
  | { readonly entry: Entry }
  | { readonly result: Result }
  | object
);

export const bindRequest = (dn: string, password: string): Buffer =>
  element(operations.bind, integer(3), octets(dn), octets(password, 0x80));

export const startTlsRequest = (): Buffer => element(operations.extended, octets(startTlsName, 0x80));

export const unbindRequest = (): Buffer => element(operations.unbind);

/** Aliases are not followed. */
export function searchRequest({ base, scope, filter, attributes }: Search, limits: { count: number; seconds: number }): Buffer {
  return element(
    operations.search,
    octets(base),
    integer(scope === 'one' ? 1 : 2, tags.enumerated),
    integer(0, tags.enumerated),
    integer(limits.count),
    integer(limits.seconds),
    boolean(false),
    filter,
    sequence(...attributes.map((name) => octets(name))),
  );
}

export function message(id: number, request: Buffer, page?: Page): Buffer {
  if (!page) return sequence(integer(id), request);
  const value = sequence(integer(page.size), octets(page.cookie));
  return sequence(integer(id), request, element(0xa0, sequence(octets(pagedResults), boolean(true), octets(value))));
}

/** @throws LdapError */
export function readMessage(bytes: Buffer): Message {
  const reader = new BerReader(bytes).inside(tags.sequence);
  const id = reader.integer();
  const { tag: operation, content } = reader.next();
  if (operation === operations.entry) return { id, operation, entry: readEntry(new BerReader(content)) };
  if (operation === operations.reference) return { id, operation };
  const known: readonly number[] = [operations.bindResult, operations.searchResult, operations.extendedResult];
  if (!known.includes(operation)) throw new LdapError(`it sent a message of the unknown kind ${operation}`);
  const result = new BerReader(content);
  const code = result.integer(tags.enumerated);
  result.text();
  return { id, operation, result: { code, diagnostic: printable(result.text()), cookie: readCookie(reader) } };
}

/** For the log. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '·').slice(0, 200);
}

/** Of one entry: values may be empty, and each takes time of the only thread. */
const valuesMost = 100_000;
const attributesMost = 1000;
const controlsMost = 100;

function readEntry(reader: BerReader): Entry {
  const dn = reader.text();
  const attributes = new Map<string, Buffer[]>();
  const list = reader.inside(tags.sequence);
  const countAttribute = countedTo(attributesMost, 'attributes in an entry');
  const countValue = countedTo(valuesMost, 'values in an entry');
  while (!list.isEmpty) {
    countAttribute();
    const attribute = list.inside(tags.sequence);
    const name = attribute.text().toLowerCase();
    const values = attribute.inside(tags.set);
    const all = attributes.get(name) ?? [];
    while (!values.isEmpty) {
      countValue();
      all.push(values.read(tags.octets));
    }
    attributes.set(name, all);
  }
  return { dn, attributes };
}

function countedTo(most: number, what: string): () => void {
  let count = 0;
  return () => {
    count += 1;
    if (count > most) throw new LdapError(`its message has more than ${most} ${what}`);
  };
}

function readCookie(reader: BerReader): Buffer | undefined {
  if (reader.isEmpty) return undefined;
  const controls = reader.inside(0xa0);
  const countControl = countedTo(controlsMost, 'controls');
  while (!controls.isEmpty) {
    countControl();
    const control = controls.inside(tags.sequence);
    if (control.text() !== pagedResults) continue;
    let { tag, content } = control.next();
    if (tag === tags.boolean) ({ tag, content } = control.next());
    const value = new BerReader(content).inside(tags.sequence);
    value.integer();
    return value.read(tags.octets);
  }
  return undefined;
}
