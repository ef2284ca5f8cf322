/** Networks (Neutron v2.0): networks, subnets, ports. */
import type { ApiContext, ApiScope } from '../context.ts';
import { registerRoutes } from '../http/register-routes.ts';
import { addressGroupRoutes } from './address-groups.ts';
import { addressScopeRoutes } from './address-scopes.ts';
import { agentRoutes } from './agents.ts';
import { availabilityZoneRoutes } from './availability-zones.ts';
import { convertAttributes } from './converted-attributes.ts';
import { defaultRuleRoutes } from './default-security-group-rules.ts';
import { extensionRoutes } from './extensions.ts';
import { floatingIpRoutes } from './floating-ips.ts';
import { ipAvailabilityRoutes } from './ip-availability.ts';
import { networkRoutes } from './networks.ts';
import { portBindingRoutes } from './port-bindings.ts';
import { portForwardingRoutes } from './port-forwardings.ts';
import { portRoutes } from './ports.ts';
import { qosPolicyRoutes } from './qos-policies.ts';
import { qosRuleRoutes } from './qos-rules.ts';
import { quotaRoutes } from './quotas.ts';
import { rbacRoutes } from './rbac-policies.ts';
import { routerRoutes } from './routers.ts';
import { securityGroupRoutes } from './security-groups.ts';
import { segmentRoutes } from './segments.ts';
import { subnetPoolRoutes } from './subnet-pools.ts';
import { subnetRoutes } from './subnets.ts';
import { trunkRoutes } from './trunks.ts';
import { unsupportedRoutes } from './unsupported-routes.ts';

const rows = [
  ...networkRoutes,
  ...segmentRoutes,
  ...subnetPoolRoutes,
  ...subnetRoutes,
  ...portRoutes,
  ...portBindingRoutes,
  ...securityGroupRoutes,
  ...defaultRuleRoutes,
  ...addressGroupRoutes,
  ...addressScopeRoutes,
  ...rbacRoutes,
  ...trunkRoutes,
  ...routerRoutes,
  ...floatingIpRoutes,
  ...portForwardingRoutes,
  ...qosPolicyRoutes,
  ...qosRuleRoutes,
  ...agentRoutes,
  ...availabilityZoneRoutes,
  ...ipAvailabilityRoutes,
  ...quotaRoutes,
  ...extensionRoutes,
  ...unsupportedRoutes,
];

export function registerNetwork(app: ApiScope, context: ApiContext): void {
  app.addHook('preValidation', async ({ body }) => convertAttributes(body));
  registerRoutes(app, context, { rows, policy: context.policies.network });
}
