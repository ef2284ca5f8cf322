/** The part of Nova's API that applies to bare metal: `/compute/v2.1`. */
import type { ApiContext, ApiScope } from '../context.ts';
import { registerRoutes } from '../http/register-routes.ts';
import { computeConventions } from './conventions.ts';
import { refuseUnknownQuery } from './known-queries.ts';
import { computeRows } from './rows.ts';

export function registerCompute(app: ApiScope, context: ApiContext): void {
  app.addHook('preValidation', refuseUnknownQuery);
  registerRoutes(app, context, { rows: computeRows, policy: context.policies.compute, conventions: computeConventions });
}
