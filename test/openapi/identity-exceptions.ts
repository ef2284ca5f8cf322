/** Where the published document of the identity API differs from Keystone. */
import type { Exception } from './exception.ts';

const common = 'keystone/server/flask/common.py';

const general: readonly Exception[] = [
  {
    at: ['**/id', '**/domain_id', '**/project_id', '**/service_id', '**/region_id'],
    what: 'wrong',
    says: 'format "uuid"',
    why: 'Ids have no hyphens, and the first domain is `default`.',
    source: 'keystone/api/validation/parameter_types.py (id_string)',
  },
  {
    at: [
      '/links',
      '**/project/links',
      '**/projects/*/links',
      '**/user/links',
      '**/users/*/links',
      '/domains/*/links',
      ...['access_rule', 'group', 'region', 'service', 'endpoint'].flatMap((name) => [`/${name}/links`, `/${name}s/*/links`]),
      '**/application_credential*/**links',
    ],
    what: 'unknown',
    why: 'Every collection and member has links.',
    source: `${common} (wrap_collection, wrap_member)`,
  },
  {
    operation: 'GET /v3/users/{user_id}/access_rules',
    at: ['/links'],
    what: 'wrong',
    why: 'An object, as of every collection.',
    source: `${common} (wrap_collection)`,
  },
  {
    operation: 'GET /v3/auth/domains',
    at: ['/links', '/domains/*/links'],
    what: 'wrong',
    why: 'An object, as of every collection and member.',
    source: `${common} (wrap_collection, wrap_member)`,
  },
  {
    operation: 'GET /v3/auth/domains',
    at: ['/domains/*/options', '/domains/*/tags'],
    what: 'unknown',
    why: 'A domain is a project, with options and tags.',
    source: 'keystone/resource/core.py (_get_domain_from_project)',
  },
  {
    at: ['**/options/*'],
    what: 'missing',
    why: 'Options are shown where they are set.',
    source: 'keystone/common/resource_options/core.py (ref_mapper_to_dict_options)',
  },
];

const projectFields = ['description', 'enabled', 'is_domain', 'options', 'parent_id', 'tags'];
const resourceRows: readonly Exception[] = [
  {
    operation: 'GET **/projects',
    at: projectFields.map((name) => `/projects/*/${name}`),
    what: 'unknown',
    why: 'The document has only a part of a project here.',
    source: 'keystone/api/auth.py (AuthProjectsResource), keystone/api/users.py (UserProjectsResource)',
  },
  {
    operation: 'GET /v3/domains',
    at: ['/domains/*/options'],
    what: 'unknown',
    why: 'A domain is a project, with options.',
    source: 'keystone/resource/core.py (_get_domain_from_project)',
  },
  ...(['unknown', 'missing'] as const).flatMap((what) =>
    ['* /v3/domains/{domain_id}', 'POST /v3/domains'].map((operation) => ({
      operation,
      at: what === 'unknown' ? '/domain' : '/*',
      what,
      why: 'The fields are in an object `domain`.',
      source: 'keystone/api/domains.py (DomainResource)',
    })),
  ),
];

const userRows: readonly Exception[] = [
  {
    operation: '* /v3/**users**',
    at: ['**/description', '**/default_project_id'],
    what: 'missing',
    why: 'Shown where it is set.',
    source: 'keystone/identity/backends/sql_model.py (User.to_dict)',
  },
  {
    operation: '* /v3/**users**',
    at: ['**/federated'],
    what: 'missing',
    why: 'Only of a user of a federation.',
    source: 'keystone/identity/shadow_backends/sql.py (get_federated_objects)',
  },
  {
    operation: '* /v3/**users**',
    at: ['**/password'],
    what: 'missing',
    why: 'Never shown.',
    source: 'keystone/identity/backends/base.py (filter_user)',
  },
  {
    operation: '* /v3/**users**',
    at: ['**/password_expires_at', '**/email'],
    what: 'unknown',
    why: 'The time is of every user; other fields are kept as they come.',
    source: 'keystone/identity/backends/sql_model.py (User.attributes, extra)',
  },
];

const federationRows: readonly Exception[] = [
  {
    operation: '* /v3/OS-FEDERATION/**',
    at: ['**/links'],
    what: 'unknown',
    why: 'Of every resource.',
    source: 'keystone/api/os_federation.py (wrap_member, _add_related_links)',
  },
  {
    operation: '* /v3/OS-FEDERATION/mappings**',
    at: ['**/local/*/domain', '**/local/*/group', '**/local/*/group_ids', '**/local/*/groups', '**/local/*/projects'],
    what: 'missing',
    why: 'A rule is shown as it was made.',
    source: 'keystone/federation/utils.py (MAPPING_SCHEMA)',
  },
  {
    operation: '* /v3/OS-FEDERATION/mappings**',
    at: ['**/local/*/user/domain', '**/local/*/user/email', '**/local/*/user/id', '**/local/*/user/type'],
    what: 'missing',
    why: 'A rule is shown as it was made.',
    source: 'keystone/federation/utils.py (MAPPING_SCHEMA)',
  },
  {
    operation: 'PUT /v3/OS-FEDERATION/identity_providers/{idp_id}',
    at: ['**/authorization_ttl', '**/description'],
    what: 'wrong',
    says: 'null',
    why: 'Null where it is not set.',
    source: 'keystone/federation/schema.py (_identity_provider_properties)',
  },
  {
    operation: '* /v3/OS-FEDERATION/**/protocols/{protocol_id}',
    at: ['**/remote_id_attribute'],
    what: 'missing',
    why: 'Shown where it is set.',
    source: 'keystone/federation/backends/sql.py (FederationProtocolModel.to_dict)',
  },
  {
    operation: '* /v3/OS-FEDERATION/**/auth',
    at: ['/token/catalog', '/token/issues_at'],
    what: 'missing',
    why: 'An unscoped token has no catalogue; the time is named issued_at.',
    source: 'keystone/common/render_token.py',
  },
  {
    operation: '* /v3/OS-FEDERATION/**/auth',
    at: ['/token/issued_at'],
    what: 'unknown',
    why: 'The document has a mistake in this name.',
    source: 'keystone/common/render_token.py',
  },
  {
    operation: '* /v3/OS-FEDERATION/**/auth',
    at: ['/token/user/password_expires_at'],
    what: 'wrong',
    says: 'null',
    why: 'There is no password.',
    source: 'keystone/common/render_token.py',
  },
];

const roleRows: readonly Exception[] = [
  {
    operation: 'GET /v3/users/{user_id}/groups',
    at: ['/groups/*/membership_expires_at'],
    what: 'wrong',
    says: 'null',
    why: 'Only the membership of a user of a federation expires.',
    source: 'keystone/identity/core.py (list_groups_for_user)',
  },
  {
    operation: '* **/roles**',
    at: ['/roles/*/domain_id', '/role/domain_id', '/roles/*/options'],
    what: 'unknown',
    why: 'Of every role.',
    source: 'keystone/assignment/role_backends/sql_model.py (RoleTable)',
  },
  {
    operation: 'GET /v3/role_assignments',
    at: ['group', 'scope/OS-TRUST:trust', 'scope/domain', 'scope/project', 'scope/system'].map(
      (name) => `/role_assignments/*/${name}`,
    ),
    what: 'missing',
    why: 'One actor and one scope.',
    source: 'keystone/api/role_assignments.py (_format_entity)',
  },
  {
    operation: 'GET /v3/role_assignments',
    at: [
      'role/name',
      'role/description',
      'role/links',
      'scope/project/name',
      'scope/project/domain',
      'user/name',
      'user/domain',
    ].map((name) => `/role_assignments/*/${name}`),
    what: 'missing',
    why: 'Names only with include_names; a role has no more than id and name.',
    source: 'keystone/api/role_assignments.py (_format_entity)',
  },
];

const inferenceRows: readonly Exception[] = [
  {
    operation: '* /v3/role**',
    at: ['**/prior_role/description', '**/implies/description', '**/implies/*/description'],
    what: 'missing',
    why: 'A role in a rule has id, name and links.',
    source: 'keystone/api/_shared/implied_roles.py',
  },
];

const tokenRows: readonly Exception[] = [
  {
    at: ['/catalog/*/endpoints/*/region_id', '/token/catalog/*/endpoints/*/region_id'],
    what: 'unknown',
    why: 'Beside `region`.',
    source: 'keystone/catalog/backends/base.py (get_v3_catalog)',
  },
  {
    operation: '* /v3/auth/tokens',
    at: ['/token/issued_at'],
    what: 'unknown',
    why: 'The document calls it issues_at.',
    source: 'keystone/common/render_token.py',
  },
  {
    operation: '* /v3/auth/tokens',
    at: ['/token/issues_at'],
    what: 'missing',
    why: 'The name is issued_at.',
    source: 'keystone/common/render_token.py',
  },
  {
    operation: '* /v3/auth/tokens',
    at: ['/token/domain', '/token/system'],
    what: 'missing',
    why: 'A token has one scope.',
    source: 'keystone/common/render_token.py',
  },
];

const keyRows: readonly Exception[] = (['missing', 'unknown'] as const).map((what) => ({
  operation: 'POST /v3/credentials',
  at: what === 'missing' ? '/application_credential' : '/credential',
  what,
  why: 'The document has the reply of another request here.',
  source: 'keystone/api/credentials.py (CredentialsResource.post)',
}));

const credentials = '* /v3/users/{user_id}/application_credentials**';
const otherRows: readonly Exception[] = [
  ...(['missing', 'unknown'] as const).map((what) => ({
    operation: '* /v3/regions**',
    at: ['regions/*', 'region'].map((place) => `/${place}/${what === 'missing' ? 'parent_id' : 'parent_region_id'}`),
    what,
    why: 'The name is parent_region_id.',
    source: 'keystone/catalog/backends/sql.py (Region)',
  })),
  {
    operation: credentials,
    at: ['**/access_rules'],
    what: 'missing',
    why: 'Only of a credential that has some.',
    source: 'keystone/application_credential/backends/sql.py (_to_dict)',
  },
  {
    operation: credentials,
    at: ['**/roles/*/domain_id'],
    what: 'unknown',
    why: 'A role is shown with id, name and domain.',
    source: 'keystone/application_credential/core.py (_process_app_cred)',
  },
  {
    operation: credentials,
    at: ['**/roles/*'],
    what: 'wrong',
    says: 'more than 1 properties',
    why: 'The document has the role of a request, with either id or name.',
    source: 'keystone/application_credential/schema.py (application_credential_schema)',
  },
  {
    operation: credentials,
    at: ['**/user_id'],
    what: 'unknown',
    why: 'The user to whom the credential belongs.',
    source: 'keystone/application_credential/backends/sql.py (ApplicationCredentialModel.attributes)',
  },
];

export const identityExceptions: readonly Exception[] = [
  ...general,
  ...resourceRows,
  ...userRows,
  ...federationRows,
  ...roleRows,
  ...inferenceRows,
  ...tokenRows,
  ...otherRows,
  ...keyRows,
];
