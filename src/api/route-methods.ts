/**
 * Which methods a path has. Clients take 404 for a thing that is gone (and forget it), so a method that a path lacks is 405,
 * with what there is in `Allow` (RFC 9110, 15.5.6).
 */
import type { FastifyInstance } from 'fastify';

export class RouteMethods {
  readonly #routes = new Map<string, { pattern: RegExp; methods: Set<string> }>();

  /** Routes that are added from now on. */
  constructor(app: FastifyInstance) {
    app.addHook('onRoute', ({ url, method }) => {
      const route = this.#routes.get(url) ?? { pattern: patternOf(url), methods: new Set() };
      this.#routes.set(url, route);
      for (const each of [method].flat()) route.methods.add(each);
    });
  }

  /** Sorted; empty where there is no such path. */
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

/** As the router sees it: without query, doubled slashes and the one at the end. */
function plainPath(url: string): string {
  const [path = ''] = url.split('?');
  return path.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '');
}
