/** Identity (Keystone v3): tokens, catalogue, users, projects, roles. */
import type { ApiContext, ApiScope } from '../context.ts';
import { registerRoutes } from '../http/register-routes.ts';
import { closedRows, openRows } from './rows.ts';

/** Routes without a token. */
export function registerTokenIssue(app: ApiScope, context: ApiContext): void {
  registerRoutes(app, context, { rows: openRows, policy: context.policies.identity });
}

export function registerIdentity(app: ApiScope, context: ApiContext): void {
  registerRoutes(app, context, { rows: closedRows, policy: context.policies.identity });
}
