/**
 * A route is a row: method, path, policy, versions, schemas and a handler. `registerRoutes` turns rows into Fastify
 * routes; parameters, query, body and reply of a handler are typed by the path and the schemas of its row.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Static, TSchema, TVoid } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { ApiContext } from '../context.ts';
import type { PolicyTarget } from './policy/check-language.ts';
import type { PolicyRules } from './policy/rules.ts';
import type { VersionSpan } from './versioned.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A route that needs no token, with the reason in one sentence. */
export type PublicPolicy = { readonly public: string };

/** Names of the parameters in a path: `/flavors/:id` → `id`. */
type ParameterNames<Path extends string> = Path extends `${infer Head}/${infer Rest}`
  ? ParameterNames<Head> | ParameterNames<Rest>
  : Path extends `:${infer Name}`
    ? Name
    : never;

export type RouteRequest<
  Path extends string = string,
  Query extends TSchema = TSchema,
  Body extends TSchema = TSchema,
> = FastifyRequest<{ Params: { [Name in ParameterNames<Path>]: string }; Querystring: Static<Query>; Body: Static<Body> }>;

type Handler<Request, Reply> = (request: Request, context: ApiContext, reply: FastifyReply) => Reply | Promise<Reply>;

/** What a row says besides its schemas and handler. `since` and `until` are minor microversions; outside, 404. */
type RowFacts<Policy, Path extends string> = VersionSpan & {
  readonly method: Method;
  readonly path: Path;
  readonly policy: Policy | PublicPolicy;
  /** The one key of the body that selects this row among those of its path, as in `POST /servers/:id/action`. */
  readonly action?: string;
  /** Whom the rule denies: default, 403. Else the handler answers as if there were nothing to see, but for tokens of another scope. */
  readonly denied?: 'nothing';
  /** One line for the documentation. */
  readonly summary: string;
  /** Default 200. */
  readonly status?: number;
  /** Largest body in bytes, if not the service's. */
  readonly bodyLimit?: number;
};

type TypedRow<Policy, Path extends string, Query extends TSchema, Body extends TSchema, Reply extends TSchema> = RowFacts<
  Policy,
  Path
> & {
  /** Limits for path parameters. */
  readonly params?: TSchema;
  readonly query?: Query;
  readonly body?: Body;
  /** The body of the reply; a row without one replies without a body. */
  readonly reply?: Reply;
  readonly handler: Handler<RouteRequest<Path, Query, Body>, Static<Reply>>;
};

/** A row of any service, without the types of its handler. */
export type Row = RowFacts<string, string> & {
  readonly params?: TSchema | undefined;
  readonly query?: TSchema | undefined;
  readonly body?: TSchema | undefined;
  readonly reply?: TSchema | undefined;
  /** Set if the route always replies 501: what Ingot does not support. */
  readonly unsupported?: string;
  readonly handler: Handler<RouteRequest, unknown>;
};

type UnsupportedRow<Policy, Path extends string> = Omit<RowFacts<Policy, Path>, 'summary' | 'status'> & {
  /** What Ingot does not support: the subject of the message. */
  readonly what: string;
  readonly query?: TSchema;
  /** What is checked first, for example that the object of the path exists. */
  readonly before?: Handler<RouteRequest<Path>, unknown>;
};

/** The functions of one service, typed by the names of its rules. */
export function routesOf<Name extends string>(_rules: PolicyRules<Name>) {
  return {
    route<
      const Path extends string,
      Query extends TSchema = TSchema,
      Body extends TSchema = TSchema,
      Reply extends TSchema = TVoid,
    >(row: TypedRow<Name, Path, Query, Body, Reply>): Row {
      // Here the types of the handler end: what registers rows gives each the request that its own schemas have checked.
      return row as unknown as Row;
    },

    /** A route of the real service that Ingot does not support: 501. */
    unsupportedRoute<const Path extends string>({ what, before, ...row }: UnsupportedRow<Name, Path>): Row {
      const handler: Row['handler'] = async (request, context, reply) => {
        await before?.(request as RouteRequest<Path>, context, reply);
        throw new Fault('unsupported', { what });
      };
      return { ...row, summary: what, status: 501, unsupported: what, handler };
    },

    /** Throws the service's 403 unless the rule allows it. @param target the object; default: the caller's own */
    authorize(request: FastifyRequest, name: Name, target?: PolicyTarget): void {
      request.policy.authorize(request.caller, name, target);
    },

    allows(request: FastifyRequest, name: Name, target?: PolicyTarget): boolean {
      return request.policy.allows(request.caller, name, target);
    },
  };
}
