/** Each route has a policy: the start refuses one without, and ordinary handlers are checked as rows are. */
import type { FastifyInstance, RouteOptions } from 'fastify';
import { checkPolicy } from '../register-routes.ts';
import type { Policy } from './rules.ts';

/** For routes that are registered from now on. */
export function requirePolicies(app: FastifyInstance): void {
  app.addHook('onRoute', ({ method, url, config }) => {
    if (config?.policy === undefined) throw new Error(`${method} ${url} has no policy`);
  });
}

/** Checks the policies of the ordinary handlers of one service, which are registered from now on. */
export function checkOrdinaryHandlers(app: FastifyInstance, policy: Policy): void {
  app.addHook('onRoute', (route: RouteOptions) => {
    const { config } = route;
    if (config?.policy === undefined || config.rows) return;
    const name = config.policy;
    if (typeof name === 'string' && !policy.rules[name]?.scopes)
      throw new Error(`${route.method} ${route.url}: there is no policy rule ${name} with scopes`);
    route.onRequest = [
      ...[route.onRequest ?? []].flat(),
      (request, _reply, done) => {
        checkPolicy(request, policy, name);
        done();
      },
    ];
  });
}
