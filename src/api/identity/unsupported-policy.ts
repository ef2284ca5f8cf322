/**
 * What Keystone has and Ingot does not: each route answers 501. The rules have Keystone's names; it is
 * refused as unsupported to administrators alone.
 */

import type { PolicyRule } from '../http/policy/rules.ts';
import type { Method } from '../http/route.ts';

type UnsupportedGroup = {
  readonly routes: Readonly<Record<string, Readonly<Partial<Record<Method, string>>>>>;
};

/** By what is not supported: the subject of the message. Each route has a rule for each method. */
export const unsupportedTable = {
  'Domain configuration': {
    routes: {
      '/domains/:domain_id/config': {
        GET: 'get_domain_config',
        DELETE: 'delete_domain_config',
        PUT: 'create_domain_config',
        PATCH: 'update_domain_config',
      },
      '/domains/:domain_id/config/:group': {
        GET: 'get_domain_config',
        DELETE: 'delete_domain_config',
        PATCH: 'update_domain_config',
      },
      '/domains/:domain_id/config/:group/:option': {
        GET: 'get_domain_config',
        DELETE: 'delete_domain_config',
        PATCH: 'update_domain_config',
      },
      '/domains/config/default': { GET: 'get_domain_config_default' },
      '/domains/config/:group/default': { GET: 'get_domain_config_default' },
      '/domains/config/:group/:option/default': { GET: 'get_domain_config_default' },
    },
  },
  'A stored policy': {
    routes: {
      '/endpoints/:endpoint_id/OS-ENDPOINT-POLICY/policy': { GET: 'get_policy_for_endpoint' },
      '/policies/:policy_id': { GET: 'get_policy', DELETE: 'delete_policy', PATCH: 'update_policy' },
      '/policies': { GET: 'list_policies', POST: 'create_policy' },
      '/policies/:policy_id/OS-ENDPOINT-POLICY/endpoints': { GET: 'list_endpoints_for_policy' },
      '/policies/:policy_id/OS-ENDPOINT-POLICY/endpoints/:endpoint_id': {
        GET: 'check_policy_association_for_endpoint',
        DELETE: 'delete_policy_association_for_endpoint',
        PUT: 'create_policy_association_for_endpoint',
      },
      '/policies/:policy_id/OS-ENDPOINT-POLICY/services/:service_id': {
        GET: 'check_policy_association_for_service',
        DELETE: 'delete_policy_association_for_service',
        PUT: 'create_policy_association_for_service',
      },
      '/policies/:policy_id/OS-ENDPOINT-POLICY/services/:service_id/regions/:region_id': {
        GET: 'check_policy_association_for_region_and_service',
        DELETE: 'delete_policy_association_for_region_and_service',
        PUT: 'create_policy_association_for_region_and_service',
      },
    },
  },
  Federation: {
    routes: {
      '/OS-FEDERATION/service_providers/:sp_id': {
        GET: 'get_service_provider',
        DELETE: 'delete_service_provider',
        PUT: 'create_service_provider',
        PATCH: 'update_service_provider',
      },
      '/OS-FEDERATION/service_providers': { GET: 'list_service_providers' },
    },
  },
  OAuth: {
    routes: {
      '/OS-OAUTH1/consumers/:consumer_id': { GET: 'get_consumer', DELETE: 'delete_consumer', PATCH: 'update_consumer' },
      '/OS-OAUTH1/consumers': { GET: 'list_consumers', POST: 'create_consumer' },
      '/OS-OAUTH1/authorize/:request_token_id': { PUT: 'authorize_request_token' },
      '/users/:user_id/OS-OAUTH1/access_tokens': { GET: 'list_access_tokens' },
      '/users/:user_id/OS-OAUTH1/access_tokens/:access_token_id': { GET: 'get_access_token', DELETE: 'delete_access_token' },
      '/users/:user_id/OS-OAUTH1/access_tokens/:access_token_id/roles': { GET: 'list_access_token_roles' },
      '/users/:user_id/OS-OAUTH1/access_tokens/:access_token_id/roles/:role_id': { GET: 'get_access_token_role' },
    },
  },
} as const satisfies Record<string, UnsupportedGroup>;

type Groups = (typeof unsupportedTable)[keyof typeof unsupportedTable]['routes'];
type ValuesOf<T> = T extends T ? T[keyof T] : never;
export type UnsupportedRule = `identity:${ValuesOf<ValuesOf<Groups>> & string}`;

export const unsupportedRules = Object.fromEntries(
  Object.values<UnsupportedGroup>(unsupportedTable).flatMap(({ routes }) =>
    Object.values(routes).flatMap((rules) => Object.values(rules).map((name) => [`identity:${name}`, ruleFor(name)])),
  ),
) as Readonly<Record<UnsupportedRule, PolicyRule>>;

/** Administrators, and readers of the system what only reads. */
function ruleFor(name: string): PolicyRule {
  const words = name.replaceAll('_', ' ');
  const description = `${words.charAt(0).toUpperCase()}${words.slice(1)}: not supported.`;
  const isRead = /^(list|get|check)_|_(list|get)_|_list$/.test(name);
  const check = isRead ? 'rule:admin_or_system_reader' : 'rule:admin_required';
  return { check, scopes: ['system', 'domain', 'project'], description };
}
