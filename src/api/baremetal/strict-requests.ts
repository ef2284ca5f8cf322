/** Rejects unknown query parameters and fields, as Ironic does: a typo must not be ignored silently. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { booleanOf } from '#services/loose-booleans.ts';
import { requestSchemas } from '../http/register-routes.ts';

/** For routes that accept any query: arguments passed to a driver. */
export const AnyQuery = Type.Record(Type.String(), Type.Unknown());

type ObjectSchema = {
  properties?: Readonly<Record<string, { type?: string }>>;
  patternProperties?: object;
  type?: string;
  anyOf?: readonly ObjectSchema[];
};

/** A preValidation hook. A route accepts what its schema names. */
export async function refuseUnknown(request: FastifyRequest): Promise<void> {
  const { query, body } = requestSchemas(request) as { query?: ObjectSchema; body?: ObjectSchema };
  readQuery(request.query as Record<string, unknown>, query ?? { properties: {} });
  // A body that may be missing is one of several schemas.
  const known = body?.properties ?? body?.anyOf?.find(({ properties }) => properties)?.properties;
  if (isRecord(request.body) && known) refuseFields(request, Object.keys(known));
}

/** Booleans in all forms that oslo accepts. */
function readQuery(query: Record<string, unknown>, { properties }: ObjectSchema): void {
  if (!properties) return;
  const unknown = Object.keys(query).filter((name) => !Object.hasOwn(properties, name));
  if (unknown.length > 0) throw new Fault('badRequest', { detail: `Unexpected arguments: ${unknown.join(', ')}` });
  for (const [name, value] of Object.entries(query)) {
    if (properties[name]?.type === 'boolean') query[name] = booleanOf(name, value);
    if (name === 'fields') query[name] = plainList(value);
    refuseOddPage(name, String(value));
  }
}

/** In the words of Ironic. */
function refuseOddPage(name: string, value: string): void {
  if (name === 'limit' && /^\s*(-\d+|[+-]?0+)\s*$/.test(value))
    throw new Fault('badRequest', { detail: 'Limit must be positive' });
  if (name !== 'sort_dir' || value === 'asc' || value === 'desc') return;
  const detail = `Invalid sort direction: ${value}. Acceptable values are 'asc' or 'desc'`;
  throw new Fault('badRequest', { detail });
}

/** `uuid, Name` or a repeated parameter → `uuid,name`. */
function plainList(value: unknown): string {
  const names = [value].flat().flatMap((text) => String(text).split(','));
  return [...new Set(names.map((name) => name.trim().toLowerCase()))].join(',');
}

function refuseFields({ method, body }: FastifyRequest, known: readonly string[]): void {
  const unknown = Object.keys(body as object).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const names = unknown.map((name) => `'${name}'`).join(', ');
  const detail =
    method === 'POST'
      ? `Schema error: Additional properties are not allowed (${names} ${unknown.length > 1 ? 'were' : 'was'} unexpected)`
      : `Unexpected arguments: ${unknown.join(', ')}`;
  throw new Fault('badRequest', { detail });
}

function isRecord(body: unknown): body is object {
  return typeof body === 'object' && body !== null && Object.getPrototypeOf(body) === Object.prototype;
}
