/** All routes of the identity service. */
import type { Row } from '../http/route.ts';
import { accessRuleRoutes } from './access-rules.ts';
import { applicationCredentialRoutes } from './application-credentials.ts';
import { credentialRoutes } from './credentials.ts';
import { domainRoutes } from './domains.ts';
import { ec2Routes } from './ec2-credentials.ts';
import { endpointAssociationRoutes } from './endpoint-associations.ts';
import { endpointGroupRoutes } from './endpoint-groups.ts';
import { endpointRoutes } from './endpoints.ts';
import { federatedLoginRoutes, federationRoutes } from './federation.ts';
import { grantRoutes } from './grants.ts';
import { groupRoutes } from './groups.ts';
import { impliedRoleRoutes } from './implied-roles.ts';
import { limitRoutes, registeredLimitRoutes } from './limits.ts';
import { projectTagRoutes } from './project-tags.ts';
import { projectRoutes } from './projects.ts';
import { regionRoutes } from './regions.ts';
import { revocationRoutes } from './revocations.ts';
import { roleAssignmentRoutes } from './role-assignments.ts';
import { roleRoutes } from './roles.ts';
import { serviceRoutes } from './services.ts';
import { loginRoutes, tokenRoutes } from './tokens.ts';
import { trustRoutes } from './trusts.ts';
import { unsupportedRoutes } from './unsupported-routes.ts';
import { userRoutes } from './users.ts';
import { browserLoginRoutes } from './websso.ts';

/** Routes that require a token. */
export const closedRows: readonly Row[] = [
  ...[
    ...tokenRoutes,
    ...projectRoutes,
    ...projectTagRoutes,
    ...userRoutes,
    ...accessRuleRoutes,
    ...applicationCredentialRoutes,
    ...credentialRoutes,
    ...ec2Routes,
    ...trustRoutes,
  ],
  ...[...groupRoutes, ...roleRoutes, ...impliedRoleRoutes, ...roleAssignmentRoutes, ...grantRoutes],
  ...[...endpointGroupRoutes, ...endpointAssociationRoutes, ...registeredLimitRoutes, ...limitRoutes, ...revocationRoutes],
  ...federationRoutes,
  ...[...domainRoutes, ...regionRoutes, ...serviceRoutes, ...endpointRoutes, ...unsupportedRoutes],
];

/** Routes without a token: logins. */
export const openRows: readonly Row[] = [...loginRoutes, ...federatedLoginRoutes, ...browserLoginRoutes];

export const identityRows: readonly Row[] = [...openRows, ...closedRows];
