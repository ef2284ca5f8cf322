/** Identity (Keystone v3): tokens, catalogue, users, projects, roles. */
import type { ApiContext, ApiScope } from '../context.ts';
import { registerApplicationCredentials } from './application-credentials.ts';
import { registerDomains } from './domains.ts';
import { registerEndpoints } from './endpoints.ts';
import { registerGrants } from './grants.ts';
import { registerProjects } from './projects.ts';
import { registerRoleAssignments } from './role-assignments.ts';
import { registerRoles } from './roles.ts';
import { registerTokens } from './tokens.ts';
import { registerUsers } from './users.ts';

export { ensureAdmin, ensureTokenKey } from '#services/identity/bootstrap.ts';
export { LoginGuard } from '#services/identity/login-guard.ts';
export { registerTokenIssue } from './tokens.ts';

export function registerIdentity(app: ApiScope, context: ApiContext): void {
  registerTokens(app, context);
  registerProjects(app, context);
  registerUsers(app, context);
  registerRoles(app, context);
  registerRoleAssignments(app, context);
  registerGrants(app, context);
  registerDomains(app, context);
  registerEndpoints(app, context);
  registerApplicationCredentials(app, context);
}
