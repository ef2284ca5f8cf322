/**
 * Fields of requests and replies that exist only from, or up to, some microversion: marks in their schemas, which the
 * checks of requests, the OpenAPI documents and the highest announced version follow.
 */
import type { TSchema } from 'typebox';

/** Minor microversions; absent = no limit. */
export type VersionSpan = { readonly since?: number | undefined; readonly until?: number | undefined };

/** `description: since(19, Type.Optional(Type.String()))` */
export function since<S extends TSchema>(minor: number, schema: S): S {
  return between({ since: minor }, schema);
}

/** @param minor the last version with this field */
export function until<S extends TSchema>(minor: number, schema: S): S {
  return between({ until: minor }, schema);
}

export function between<S extends TSchema>(span: VersionSpan, schema: S): S {
  const { since, until } = span;
  const marks = { ...(since !== undefined && { 'x-since': since }), ...(until !== undefined && { 'x-until': until }) };
  // The kind and whether it is optional are hidden properties.
  return Object.assign(Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema)) as S, marks);
}

export function spanOf(schema: unknown): VersionSpan {
  const { 'x-since': since, 'x-until': until } = schema as { 'x-since'?: number; 'x-until'?: number };
  return { since, until };
}

export function isWithin({ since, until }: VersionSpan, minor: number): boolean {
  return (since === undefined || minor >= since) && (until === undefined || minor <= until);
}

export type VersionedField = VersionSpan & { readonly path: readonly string[] };

/** The marked fields of an object and of the objects in it. */
export function versionedFields(schema: TSchema | undefined, path: readonly string[] = []): VersionedField[] {
  const { properties = {} } = (schema ?? {}) as { properties?: Readonly<Record<string, TSchema>> };
  return Object.entries(properties).flatMap(([name, field]) => {
    const { since, until } = spanOf(field);
    const own = since === undefined && until === undefined ? [] : [{ path: [...path, name], since, until }];
    return [...own, ...versionedFields(field, [...path, name])];
  });
}

/** The revisions that routes or their schemas name: the first with something, or the first without it. */
export function namedVersions(rows: readonly VersionSpan[]): ReadonlySet<number> {
  const named = new Set<number>();
  const add = ({ since, until }: VersionSpan) => {
    if (since !== undefined) named.add(since);
    if (until !== undefined) named.add(until + 1);
  };
  const walk = (schema: unknown) => {
    if (typeof schema !== 'object' || schema === null) return;
    add(spanOf(schema));
    for (const part of Object.values(schema)) walk(part);
  };
  for (const row of rows) {
    add(row);
    const { query, body, reply } = row as { query?: TSchema; body?: TSchema; reply?: TSchema };
    for (const schema of [query, body, reply]) walk(schema);
  }
  return named;
}

export function highestVersion(rows: readonly VersionSpan[]): number {
  return Math.max(...namedVersions(rows));
}
