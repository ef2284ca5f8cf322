/** The rules of the identity service, under Keystone's names (keystone/common/policies). */
import { Fault } from '#domain/faults.ts';
import type { Caller } from '#services/caller.ts';
import type { PolicyTarget } from '../http/policy/check-language.ts';
import { type PolicyRule, type Scope, targetOf } from '../http/policy/rules.ts';
import { routesOf } from '../http/route.ts';
import { unsupportedRules } from './unsupported-policy.ts';

const everyScope: readonly Scope[] = ['system', 'domain', 'project'];

const rule =
  (check: string, scopes = everyScope) =>
  (description: string): PolicyRule => ({ check, scopes, description });

const anyone = rule('@');
const owner = rule('rule:owner');
const reader = rule('rule:admin_or_system_reader', ['system', 'project']);
const admin = rule('rule:admin_required', ['system', 'project']);
const ofDomain = (role: 'reader' | 'manager', ...objects: ('user' | 'group' | 'project')[]) =>
  [`role:${role}`, ...objects.map((object) => `domain_id:%(target.${object}.domain_id)s`)].join(' and ');
const readers = 'rule:admin_or_system_reader';
const inProject = (role: 'reader' | 'manager') => `${ofDomain(role, 'user', 'project')} or ${ofDomain(role, 'group', 'project')}`;
const inDomain = (role: 'reader' | 'manager') =>
  ['user' as const, 'group' as const].map((actor) => `${ofDomain(role, actor)} and domain_id:%(target.domain.id)s`).join(' or ');
const grantReader = rule(`${readers} or ${inProject('reader')} or ${inDomain('reader')}`);
const grantManager = rule(
  `rule:admin_required or (${inProject('manager')} or ${inDomain('manager')}) and rule:domain_managed_target_role`,
);
const userReader = rule(`${readers} or ${ofDomain('reader', 'user')} or user_id:%(target.user.id)s`);
const userManager = rule(`rule:admin_required or ${ofDomain('manager', 'user')}`);
const groupReader = rule(`${readers} or ${ofDomain('reader', 'group')}`);
const groupManager = rule(`rule:admin_required or ${ofDomain('manager', 'group')}`);
const projectManager = rule(`rule:admin_required or ${ofDomain('manager', 'project')}`);
const projectReader = rule(`${readers} or ${ofDomain('reader', 'project')} or project_id:%(target.project.id)s`);
const ruleReader = rule('role:reader and system_scope:all or user_id:%(target.user.id)s', ['system', 'project']);
const listReader = rule(`${readers} or role:reader and domain_id:%(target.domain_id)s`);

const baseRules = {
  admin_required: { check: 'role:admin', description: 'Who is an administrator of the cloud.' },
  service_role: { check: 'role:service', description: 'Other services of the cloud.' },
  owner: { check: 'user_id:%(user_id)s', description: 'The user to whom something belongs.' },
  admin_or_owner: { check: 'rule:admin_required or rule:owner', description: 'Administrators, the user of the path.' },
  token_subject: { check: 'user_id:%(target.token.user_id)s', description: 'The user of the token in `X-Subject-Token`.' },
  admin_or_system_reader: {
    check: 'rule:admin_required or role:reader and system_scope:all',
    description: 'Administrators, readers of the system.',
  },
  domain_managed_target_role: {
    check: "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s",
    description: 'Roles that a manager of a domain may assign.',
  },
} as const satisfies Record<string, PolicyRule>;

const tokenRules = {
  'identity:validate_token': rule(`${readers} or rule:service_role or rule:token_subject`)('Show a token.'),
  'identity:revoke_token': rule('rule:admin_required or rule:token_subject')('Revoke a token.'),
  'identity:get_auth_catalog': anyone('Get the service catalogue of the project of the token.'),
  'identity:get_auth_projects': anyone('List the projects for which the user can get a token.'),
  'identity:get_auth_domains': anyone('List the domains for which the user can get a token.'),
  'identity:get_auth_system': anyone('Show whether the user can get a token for the system.'),
} as const satisfies Record<string, PolicyRule>;

const userRules = {
  'identity:list_users': listReader('List users.'),
  'identity:get_user': userReader('Show a user.'),
  'identity:create_user': userManager('Create a user.'),
  'identity:update_user': userManager('Change a user, including the password.'),
  'identity:delete_user': userManager('Delete a user.'),
  'identity:list_user_projects': userReader('List the projects of a user.'),
  'identity:list_groups_for_user': userReader('List the groups of a user.'),
  'identity:list_groups': groupReader('List groups.'),
  'identity:get_group': groupReader('Show a group.'),
  'identity:create_group': groupManager('Create a group.'),
  'identity:update_group': groupManager('Change a group.'),
  'identity:delete_group': groupManager('Delete a group.'),
  'identity:list_users_in_group': groupReader('List the members of a group.'),
  'identity:check_user_in_group': rule(`${readers} or ${ofDomain('reader', 'group', 'user')}`)(
    'Show whether a user is in a group.',
  ),
  'identity:add_user_to_group': rule(`rule:admin_required or ${ofDomain('manager', 'group', 'user')}`)('Add a user to a group.'),
  'identity:remove_user_from_group': rule(`rule:admin_required or ${ofDomain('manager', 'group', 'user')}`)(
    'Remove a user from a group.',
  ),
  'identity:get_application_credential': owner('Show an application credential.'),
  'identity:list_application_credentials': owner('List the application credentials of a user.'),
  'identity:create_application_credential': rule('rule:owner', ['project'])('Create an application credential.'),
  'identity:delete_application_credential': owner('Delete an application credential.'),
  'identity:get_access_rule': ruleReader('Show an access rule.'),
  'identity:list_access_rules': ruleReader('List the access rules of a user.'),
  'identity:delete_access_rule': rule('role:admin and system_scope:all or user_id:%(target.user.id)s', ['system', 'project'])(
    'Delete an access rule.',
  ),
} as const satisfies Record<string, PolicyRule>;

const ofCredential = 'user_id:%(target.credential.user_id)s';
const credentialReader = rule(`${readers} or ${ofCredential}`);
const credentialOwner = rule(`rule:admin_required or ${ofCredential}`);
const keyOwner = rule(`rule:admin_required or role:member and ${ofCredential}`, ['system', 'project']);
const signed = rule('rule:admin_required or rule:service_role');

const credentialRules = {
  'identity:get_credential': credentialReader('Show a credential.'),
  'identity:list_credentials': credentialReader('List credentials.'),
  'identity:create_credential': credentialOwner('Create a credential.'),
  'identity:update_credential': credentialOwner('Change a credential.'),
  'identity:delete_credential': credentialOwner('Delete a credential.'),
  'identity:ec2_get_credential': rule(`${readers} or ${ofCredential}`, ['system', 'project'])('Show EC2 keys.'),
  'identity:ec2_list_credentials': rule(`${readers} or rule:owner`, ['system', 'project'])('List the EC2 keys of a user.'),
  'identity:ec2_create_credential': keyOwner('Create EC2 keys.'),
  'identity:ec2_delete_credential': keyOwner('Delete EC2 keys.'),
  'identity:ec2tokens_validate': signed('Get a token for a request that was signed with EC2 keys.'),
  'identity:s3tokens_validate': signed('Show whose request to S3 was signed with EC2 keys.'),
} as const satisfies Record<string, PolicyRule>;

const trustor = 'user_id:%(target.trust.trustor_user_id)s';
const trustee = 'user_id:%(target.trust.trustee_user_id)s';
const trustReader = rule(`${readers} or ${trustor} or ${trustee}`, ['system', 'project']);

const trustRules = {
  'identity:create_trust': rule(trustor, ['project'])('Create a trust.'),
  'identity:list_trusts': reader('List all trusts.'),
  'identity:list_trusts_for_trustor': rule(`${readers} or ${trustor}`, ['system', 'project'])('List the trusts of a trustor.'),
  'identity:list_trusts_for_trustee': rule(`${readers} or ${trustee}`, ['system', 'project'])('List the trusts of a trustee.'),
  'identity:get_trust': trustReader('Show a trust.'),
  'identity:delete_trust': rule(`rule:admin_required or ${trustor}`, ['system', 'project'])('Delete a trust.'),
  'identity:list_roles_for_trust': trustReader('List the roles of a trust.'),
  'identity:get_role_for_trust': trustReader('Show a role of a trust.'),
} as const satisfies Record<string, PolicyRule>;

const projectRules = {
  'identity:list_projects': listReader('List all projects; others see the projects in which they have a role.'),
  'identity:get_project': projectReader('Show a project; users may also show each project in which they have a role.'),
  'identity:create_project': projectManager('Create a project.'),
  'identity:update_project': projectManager('Change a project.'),
  'identity:delete_project': projectManager('Delete a project.'),
  'identity:list_project_tags': projectReader('List the tags of a project.'),
  'identity:get_project_tag': projectReader('Show whether a project has a tag.'),
  'identity:update_project_tags': projectManager('Replace the tags of a project.'),
  'identity:create_project_tag': projectManager('Add a tag to a project.'),
  'identity:delete_project_tag': projectManager('Remove a tag of a project.'),
  'identity:delete_project_tags': projectManager('Remove all tags of a project.'),
} as const satisfies Record<string, PolicyRule>;

const domainRules = {
  'identity:get_domain': rule(
    `${readers} or token.domain.id:%(target.domain.id)s or token.project.domain.id:%(target.domain.id)s`,
  )('Show a domain; a token shows the domain of its scope.'),
  'identity:list_domains': rule(`${readers} or role:reader and domain_id:%(target.domain.id)s`)('List domains.'),
  'identity:create_domain': admin('Create a domain.'),
  'identity:update_domain': admin('Change a domain.'),
  'identity:delete_domain': admin('Delete a domain that is disabled, with its users and projects.'),
} as const satisfies Record<string, PolicyRule>;

const roleRules = {
  'identity:get_role': anyone('Show a role.'),
  'identity:list_roles': anyone('List roles.'),
  'identity:create_role': admin('Create a role.'),
  'identity:update_role': admin('Change a role.'),
  'identity:delete_role': admin('Delete a role.'),
  'identity:get_domain_role': reader('Show a role of a domain.'),
  'identity:list_domain_roles': reader('List the roles of a domain.'),
  'identity:create_domain_role': admin('Create a role of a domain.'),
  'identity:update_domain_role': admin('Change a role of a domain.'),
  'identity:delete_domain_role': admin('Delete a role of a domain.'),
  'identity:create_implied_role': admin('Have a role imply another.'),
  'identity:delete_implied_role': admin('Have a role no longer imply another.'),
  'identity:list_role_inference_rules': reader('List all rules of which role implies which.'),
  'identity:list_implied_roles': reader('List the roles that a role implies.'),
  'identity:get_implied_role': reader('Show whether a role implies another.'),
  'identity:list_role_assignments': rule(
    `${readers} or role:reader and domain_id:%(target.domain_id)s or user_id:%(target.user.id)s`,
  )('List role assignments; users may list their own.'),
  'identity:list_grants': grantReader('List the roles of a user or group on a project or domain.'),
  'identity:check_grant': grantReader('Show whether a user or group has a role on a project or domain.'),
  'identity:create_grant': grantManager('Assign a role on a project or domain to a user or group.'),
  'identity:revoke_grant': grantManager('Revoke a role on a project or domain from a user or group.'),
  'identity:list_role_assignments_for_tree': listReader('List the role assignments on a project and those below it.'),
  'identity:list_system_grants_for_group': reader('List the roles of a group on the system.'),
  'identity:check_system_grant_for_group': reader('Show whether a group has a role on the system.'),
  'identity:create_system_grant_for_group': admin('Assign a role on the system to a group.'),
  'identity:revoke_system_grant_for_group': admin('Revoke a role on the system from a group.'),
  'identity:list_system_grants_for_user': reader('List the roles of a user on the system.'),
  'identity:check_system_grant_for_user': reader('Show whether a user has a role on the system.'),
  'identity:create_system_grant_for_user': admin('Assign a role on the system to a user.'),
  'identity:revoke_system_grant_for_user': admin('Revoke a role on the system from a user.'),
} as const satisfies Record<string, PolicyRule>;

const catalogRules = {
  'identity:get_region': anyone('Show a region.'),
  'identity:list_regions': anyone('List regions.'),
  'identity:get_service': anyone('Show a service.'),
  'identity:list_services': anyone('List services.'),
  'identity:get_endpoint': anyone('Show an endpoint.'),
  'identity:list_endpoints': anyone('List endpoints.'),
  'identity:create_region': admin('Create a region.'),
  'identity:update_region': admin('Change a region.'),
  'identity:delete_region': admin('Delete a region.'),
  'identity:create_service': admin('Add a service to the catalogue.'),
  'identity:update_service': admin('Change a service of the catalogue.'),
  'identity:delete_service': admin('Remove a service from the catalogue.'),
  'identity:create_endpoint': admin('Add an endpoint to the catalogue.'),
  'identity:update_endpoint': admin('Change an endpoint of the catalogue.'),
  'identity:delete_endpoint': admin('Remove an endpoint from the catalogue.'),
} as const satisfies Record<string, PolicyRule>;

const federationRules = {
  'identity:list_identity_providers': reader('List identity providers.'),
  'identity:get_identity_provider': reader('Show an identity provider.'),
  'identity:create_identity_provider': admin('Register an identity provider.'),
  'identity:update_identity_provider': admin('Change an identity provider.'),
  'identity:delete_identity_provider': admin('Delete an identity provider.'),
  'identity:list_mappings': reader('List mappings.'),
  'identity:get_mapping': reader('Show a mapping.'),
  'identity:create_mapping': admin('Create a mapping.'),
  'identity:update_mapping': admin('Change a mapping.'),
  'identity:delete_mapping': admin('Delete a mapping.'),
  'identity:list_protocols': reader('List the protocols of an identity provider.'),
  'identity:get_protocol': reader('Show a protocol of an identity provider.'),
  'identity:create_protocol': admin('Let an identity provider be used by a protocol.'),
  'identity:update_protocol': admin('Change a protocol of an identity provider.'),
  'identity:delete_protocol': admin('Delete a protocol of an identity provider.'),
} as const satisfies Record<string, PolicyRule>;

const serviceOrAdmin = rule('rule:admin_required or rule:service_role', ['system', 'project']);
const limitReader = rule(
  `${readers} or domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s or project_id:%(target.limit.project_id)s`,
);

const limitRules = {
  'identity:get_registered_limit': anyone('Show a registered limit.'),
  'identity:list_registered_limits': anyone('List registered limits.'),
  'identity:create_registered_limits': admin('Create registered limits.'),
  'identity:update_registered_limit': admin('Change a registered limit.'),
  'identity:delete_registered_limit': admin('Delete a registered limit.'),
  'identity:get_limit_model': anyone('Show the model by which limits are enforced.'),
  'identity:get_limit': limitReader('Show a limit.'),
  'identity:list_limits': anyone('List the limits of the scope of the token.'),
  'identity:create_limits': admin('Create limits.'),
  'identity:update_limit': admin('Change a limit.'),
  'identity:delete_limit': admin('Delete a limit.'),
  'identity:list_revoke_events': serviceOrAdmin('List the tokens that were revoked.'),
  'identity:revocation_list': serviceOrAdmin('List revoked PKI tokens, of which there are none.'),
} as const satisfies Record<string, PolicyRule>;

const endpointFilterRules = {
  'identity:list_endpoint_groups': reader('List endpoint groups.'),
  'identity:get_endpoint_group': reader('Show an endpoint group.'),
  'identity:create_endpoint_group': admin('Create an endpoint group.'),
  'identity:update_endpoint_group': admin('Change an endpoint group.'),
  'identity:delete_endpoint_group': admin('Delete an endpoint group.'),
  'identity:list_endpoints_associated_with_endpoint_group': reader('List the endpoints in a group.'),
  'identity:list_projects_associated_with_endpoint_group': reader('List the projects of an endpoint group.'),
  'identity:get_endpoint_group_in_project': reader('Show whether a project has an endpoint group.'),
  'identity:list_endpoint_groups_for_project': reader('List the endpoint groups of a project.'),
  'identity:add_endpoint_group_to_project': admin('Add an endpoint group to a project.'),
  'identity:remove_endpoint_group_from_project': admin('Remove an endpoint group from a project.'),
  'identity:list_projects_for_endpoint': reader('List the projects of an endpoint.'),
  'identity:check_endpoint_in_project': reader('Show whether a project has an endpoint.'),
  'identity:list_endpoints_for_project': reader('List the endpoints of a project.'),
  'identity:add_endpoint_to_project': admin('Add an endpoint to a project.'),
  'identity:remove_endpoint_from_project': admin('Remove an endpoint from a project.'),
} as const satisfies Record<string, PolicyRule>;

const rules = {
  ...unsupportedRules,
  ...endpointFilterRules,
  ...federationRules,
  ...limitRules,
  ...{ ...baseRules, ...tokenRules, ...userRules, ...projectRules, ...domainRules },
  ...{ ...roleRules, ...catalogRules, ...credentialRules, ...trustRules },
};

/** The target of a request before its object is known: whatever it is, it belongs to the caller. */
function ownTarget(caller: Caller): PolicyTarget {
  const domain_id = caller.domain_id ?? null;
  return {
    ...targetOf(caller),
    'target.domain_id': domain_id,
    'target.domain.id': domain_id ?? caller.project_domain_id ?? null,
    'target.user.id': caller.user_id,
    'target.user.domain_id': domain_id,
    'target.group.domain_id': domain_id,
    'target.project.id': caller.project_id,
    'target.project.domain_id': domain_id,
    'target.token.user_id': caller.user_id,
    'target.limit.project_id': caller.project_id || null,
    'target.limit.domain.id': domain_id,
    'target.limit.project.domain_id': domain_id,
    'target.credential.user_id': caller.user_id,
    'target.trust.trustor_user_id': caller.user_id,
    'target.trust.trustee_user_id': caller.user_id,
    'target.role.name': 'reader',
  };
}

export type IdentityRule = keyof typeof rules;

export const identityPolicy = {
  rules,
  own: ownTarget,
  denied: (name: string) =>
    new Fault('forbidden', { detail: `You are not authorized to perform the requested action: ${name}.` }),
};

export const { route, unsupportedRoute, authorize, allows } = routesOf(rules);
