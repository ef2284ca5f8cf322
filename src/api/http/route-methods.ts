/**
 * The methods of each path. Clients take 404 for a deleted resource (and forget it), so an unsupported method gets 405
 * with the supported ones in `Allow` (RFC 9110, 15.5.6).
 */
import type { FastifyInstance } from 'fastify';

export class RouteMethods {
  readonly #routes = new Map<string, { pattern: RegExp; methods: Set<string> }>();

  /** Collects routes that are added from now on. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method }) => {
      const route = this.#routes.get(url) ?? { pattern: patternOf(url), methods: new Set() };
      this.#routes.set(url, route);
      for (const each of [method].flat()) route.methods.add(each);
    });
  }

  /** Sorted; empty if there is no such path. */
  at(url: string): string[] {
    const path = plainPath(url);
    const found = [...this.#routes.values()].filter(({ pattern }) => pattern.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
  }
}

/** `/nodes/:node/states` → `^/nodes/[^/]+/states$` */
function patternOf(url: string): RegExp {
  const parts = plainPath(url)
    .split('/')
    .map((part) => (part.startsWith(':') ? '[^/]+' : part.replace(/[^\w-]/g, String.raw`\$&`)));
  return new RegExp(`^${parts.join('/')}$`);
}

/** As the router sees it: without query, duplicate slashes and trailing slash. */
function plainPath(url: string): string {
  const [path = ''] = url.split('?');
  return path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '');
}
