/** Rows become Fastify routes: version, policy and schemas are checked before a handler runs. */
import type { FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import type { TSchema } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import type { Policy } from './policy/rules.ts';
import type { PublicPolicy, Row } from './route.ts';
import { compileValidator } from './validation.ts';
import { isWithin, type VersionedField, versionedFields } from './versioned.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The name of the rule that a request must pass, or why it needs no token. Each route has one. */
    policy?: string | PublicPolicy;
    /** One line for the documentation of an ordinary handler. */
    summary?: string;
    /** The rows at this method and path: one, or one for each range of versions. */
    rows?: readonly Row[];
  }
  interface FastifyRequest {
    /** The rules of the service; set with `caller`. */
    policy: Policy;
    /** The row that this request's version selects. */
    row: Row | undefined;
  }
}

/** A part of a request with a field that the requested version does not have. */
export type UnversionedField = { readonly part: 'query' | 'body'; readonly field: VersionedField; readonly owner: object };

export type Conventions = {
  /** Rejects or removes a field that the requested version does not have. */
  readonly refuseField?: (request: FastifyRequest, found: UnversionedField) => void;
  /** The fault for a body whose key is no action of the path. */
  readonly unknownAction?: (action: string) => Fault;
};

/** Throws if a row names an unknown policy rule, or if the versions of two rows with the same method and path overlap. */
export function registerRoutes(
  app: ApiScope,
  context: ApiContext,
  { rows, policy, conventions = {} }: { rows: readonly Row[]; policy: Policy; conventions?: Conventions },
): void {
  for (const group of Map.groupBy(rows, ({ method, path }) => `${method} ${path}`).values()) {
    const [first] = group as [Row];
    for (const row of group) refuseUnknownRule(row, policy);
    refuseOverlaps(group);
    const checks = new Map(group.map((row) => [row, requestCheck(row, conventions)]));
    app.route({
      method: first.method as HTTPMethods,
      url: first.path,
      ...bodyLimitOf(group),
      config: { policy: first.policy, rows: group },
      onRequest(request, _reply, done) {
        if (!first.action) select(request, rowFor(request, group, policy), policy);
        done();
      },
      preValidation(request, _reply, done) {
        if (first.action) select(request, actionRowFor(request, group, { policy, conventions }), policy);
        if (request.row) checks.get(request.row)?.(request);
        done();
      },
      handler: (request, reply) => answer(request.row ?? first, { request, reply, context }),
    });
  }
}

function refuseUnknownRule({ method, path, policy: name }: Row, policy: Policy): void {
  if (typeof name !== 'string' || policy.rules[name]?.scopes) return;
  throw new Error(`${method} ${path}: there is no policy rule ${name} with scopes`);
}

function refuseOverlaps(group: readonly Row[]): void {
  for (const [index, { since = 0, until = Number.POSITIVE_INFINITY, method, path, action }] of group.entries()) {
    const later = group.slice(index + 1).filter((row) => row.action === action);
    const other = later.find((row) => (row.since ?? 0) <= until && (row.until ?? Number.POSITIVE_INFINITY) >= since);
    if (other) throw new Error(`${method} ${path}: the microversions of two rows overlap`);
  }
}

function select(request: FastifyRequest, row: Row, policy: Policy): void {
  request.row = row;
  if (row.denied === 'nothing' && typeof row.policy === 'string' && policy.isInScope(request.caller, row.policy)) {
    request.policy = policy;
    return;
  }
  checkPolicy(request, policy, row.policy);
}

/** Throws `badRequest` unless the body is one known action with its argument. */
function actionRowFor(
  request: FastifyRequest,
  group: readonly Row[],
  { policy, conventions: { unknownAction } }: { policy: Policy; conventions: Conventions },
): Row {
  const names = isObject(request.body) ? Object.keys(request.body) : [];
  const [action] = names;
  if (action === undefined || names.length > 1)
    throw new Fault('badRequest', { detail: 'The body must be one action and its argument.' });
  const rows = group.filter((row) => row.action === action);
  if (rows.length > 0) return rowFor(request, rows, policy);
  throw unknownAction?.(action) ?? new Fault('badRequest', { detail: `Unknown action '${action}'.` });
}

function bodyLimitOf(group: readonly Row[]): { bodyLimit?: number } {
  const limits = group.flatMap(({ bodyLimit }) => bodyLimit ?? []);
  return limits.length === 0 ? {} : { bodyLimit: Math.max(...limits) };
}

/** Throws `notFound` outside the versions of all rows; whoever may not use any of them is told that first. */
function rowFor(request: FastifyRequest, group: readonly Row[], policy: Policy): Row {
  const { microversion } = request;
  const row = microversion === undefined ? group[0] : group.find((each) => isWithin(each, microversion.minor));
  if (row) return row;
  checkPolicy(request, policy, (group[0] as Row).policy);
  const { major, minor } = microversion;
  const later = group.find(({ since = 0 }) => since > minor);
  throw new Fault('notFound', {
    what: `${request.method} ${request.routeOptions.url} at API version ${major}.${minor}`,
    id: later ? `it needs ${major}.${later.since}` : `it ended with ${major}.${group.at(-1)?.until}`,
  });
}

export function checkPolicy(request: FastifyRequest, policy: Policy, name: string | PublicPolicy): void {
  request.policy = policy;
  if (typeof name === 'string') policy.authorize(request.caller, name);
}

type RequestCheck = (request: FastifyRequest) => void;

/** Validates parameters, body and query, in Fastify's order. undefined if there is nothing to validate. */
function requestCheck({ params, body, query }: Row, { refuseField }: Conventions): RequestCheck | undefined {
  const checks: RequestCheck[] = [];
  if (params) checks.push(partCheck('params', params));
  if (body) checks.push(partCheck('body', body));
  if (query) checks.push(partCheck('query', query));
  const fields = { body: versionedFields(body), query: versionedFields(query) };
  if (refuseField) {
    for (const part of ['body', 'query'] as const)
      if (fields[part].length > 0) checks.push((request) => checkFields(request, { part, fields: fields[part], refuseField }));
  }
  return checks.length === 0 ? undefined : (request) => checks.forEach((check) => void check(request));
}

function partCheck(part: 'params' | 'body' | 'query', schema: TSchema): RequestCheck {
  const httpPart = part === 'query' ? 'querystring' : part;
  const validate = compileValidator({ schema, httpPart, method: '', url: '' });
  return (request) => {
    const result = validate(request[part]) as { value: unknown } | { error: Fault };
    if ('error' in result) throw result.error;
    request[part] = result.value;
  };
}

type FieldsCheck = {
  part: 'query' | 'body';
  fields: readonly VersionedField[];
  refuseField: NonNullable<Conventions['refuseField']>;
};

function checkFields(request: FastifyRequest, { part, fields, refuseField }: FieldsCheck): void {
  for (const field of fields) {
    if (isWithin(field, request.microversion.minor)) continue;
    const owner = field.path
      .slice(0, -1)
      .reduce<unknown>((value, name) => (isObject(value) ? value[name] : undefined), request[part]);
    if (isObject(owner) && owner[field.path.at(-1) ?? ''] !== undefined) refuseField(request, { part, field, owner });
  }
}

/** The schemas that a request was, or will be, validated against. */
export function requestSchemas(request: FastifyRequest): { query: TSchema | undefined; body: TSchema | undefined } {
  const { querystring, body } = (request.routeOptions.schema ?? {}) as { querystring?: TSchema; body?: TSchema };
  return request.row ? { query: request.row.query, body: request.row.body } : { query: querystring, body };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

type Call = { request: FastifyRequest; reply: FastifyReply; context: ApiContext };

/** A handler that returns nothing has sent its reply itself, or wants one without a body. */
function answer(row: Row, { request, reply, context }: Call): unknown {
  reply.code(row.status ?? 200);
  const result = row.handler(request, context, reply);
  return row.reply ? result : sendEmpty(result, reply);
}

async function sendEmpty(result: unknown, reply: FastifyReply): Promise<unknown> {
  const body = await result;
  if (body !== undefined) return body;
  return reply.sent ? reply : reply.send();
}
