/** The routes of each service as they were registered, for the documents that are made from them. */
import type { FastifyInstance, RouteOptions } from 'fastify';
import type { TSchema } from 'typebox';
import type { Row } from './route.ts';

export class RouteCatalogue {
  readonly #rows = new Map<string, Set<Row>>();

  /** Collects the routes that are registered from now on. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', (route) => this.#add(route));
  }

  /** The rows below a prefix, `/compute/v2.1`, with their paths relative to it. */
  below(prefix: string): Row[] {
    return [...(this.#rows.get(prefix) ?? [])];
  }

  #add(route: RouteOptions): void {
    const { prefix = '', config } = route as RouteOptions & { prefix?: string };
    const rows = config?.rows ?? ordinaryRows(route, prefix);
    const known = this.#rows.get(prefix) ?? new Set();
    this.#rows.set(prefix, known);
    for (const row of rows) known.add(row);
  }
}

/** An ordinary handler has a policy, and perhaps schemas. Fastify adds its HEAD routes. */
function ordinaryRows({ method, url, schema, config, handler }: RouteOptions, prefix: string): Row[] {
  const { policy, summary = '' } = config ?? {};
  if (policy === undefined) return [];
  const { params, querystring, body } = (schema ?? {}) as { params?: TSchema; querystring?: TSchema; body?: TSchema };
  const path = url.slice(prefix.length) || '/';
  const methods = [method].flat().filter((each) => each !== 'HEAD') as Row['method'][];
  return methods.map((each) => ({
    ...{ method: each, path, policy, summary, params, query: querystring, body },
    handler: handler as unknown as Row['handler'],
  }));
}
