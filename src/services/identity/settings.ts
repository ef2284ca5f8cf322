/** Settings of the first user and project, of the region in the catalogue, of a Keystone used instead of this service, and of an LDAP directory. */
import { boolean, integer, list, oneOf, type SettingsOf, seconds, secretText, text } from '#settings/setting.ts';

const expression = { expected: 'a regular expression of JavaScript', isValid: isExpression };

/** Named as the options of Keystone. */
export const complianceSettings = {
  'security_compliance.password_regex': text(
    { help: 'Regular expression that new passwords match from their start; empty = any password' },
    expression,
  ),
  'security_compliance.password_regex_description': text({ help: 'The same in words, for users whose password was refused' }),
  'security_compliance.minimum_password_age': integer({
    ...{ default: 0, max: 36_500, help: 'How long users must keep a password that they chose themselves (days)' },
  }),
  'security_compliance.unique_last_password_count': integer({
    ...{ default: 0, max: 24, help: 'How many of the latest passwords users cannot choose again; 0 = they can' },
  }),
  'security_compliance.password_expires_days': integer({
    ...{ default: 0, max: 36_500, help: 'How long a new password can be used (days); 0 = always' },
  }),
  'security_compliance.change_password_upon_first_use': boolean({
    ...{ default: false, help: 'Users must change each password that an administrator has set before they can log in' },
  }),
  'security_compliance.disable_user_account_days_inactive': integer({
    ...{ default: 0, max: 36_500, help: 'After how many days without a login by password a user is disabled; 0 = never' },
  }),
  'security_compliance.lockout_failure_attempts': integer({
    ...{ default: 0, max: 1_000_000, help: 'After how many wrong passwords an account is locked, by whomever; 0 = never' },
  }),
  'security_compliance.lockout_duration': integer({
    ...{ default: 1800, max: 31_536_000, help: 'For how long (seconds); 0 = until an administrator enables the user' },
  }),
};

export const identitySettings = {
  ...complianceSettings,
  'admin.user': text({ default: 'admin', help: 'Name of the first user' }),
  'admin.password': secretText('Password of the first user; default: generated into admin-password in the state folder'),
  'admin.project': text({ default: 'admin', help: 'Name of the first project' }),
  'token.allow_expired_window': integer({
    default: 172_800,
    // What was revoked is forgotten a week after its end.
    max: 604_800,
    help: 'For how long after its end a token can be validated with allow_expired (seconds): services end long tasks by it',
  }),
  region: text({ default: 'RegionOne', help: 'Region name in the catalogue' }),
};

const serverUrl = { expected: 'a URL of http or https, without user, query and fragment', isValid: isServerUrl };

/** Named as the options of keystonemiddleware. */
export const keystoneSettings = {
  'keystone.auth_url': text(
    { help: "URL of an existing Keystone that validates all tokens; empty = Ingot's own identity service" },
    serverUrl,
  ),
  'keystone.www_authenticate_uri': text({ help: 'URL of that Keystone for clients; default: keystone.auth_url' }, serverUrl),
  'keystone.username': text({ default: 'ingot', help: 'User as whom Ingot asks that Keystone about tokens' }),
  'keystone.password': secretText('Password of that user'),
  'keystone.user_domain_name': text({ default: 'Default', help: 'Domain of that user' }),
  'keystone.project_name': text({ default: 'service', help: 'Project of that user' }),
  'keystone.project_domain_name': text({ default: 'Default', help: 'Domain of that project' }),
  'keystone.cafile': text({ help: 'PEM file of the authorities of that Keystone; default: those of the system' }),
  'keystone.timeout': integer({ default: 10, max: 600, help: 'How long that Keystone may take to respond (seconds)' }),
  'keystone.token_cache_time': seconds(
    300,
    'How long a token that was validated is not asked about again, so that its revocation is not seen; 0 = never',
  ),
  'keystone.service_token_roles': list({
    default: 'service',
    help: 'Roles of which a token in X-Service-Token needs one for the expired token of its user to do',
  }),
  'keystone.service_token_roles_required': boolean({
    default: false,
    help: 'Refuse requests whose X-Service-Token has none of these roles',
  }),
};

const ldapUrl = { expected: 'URLs of ldap or ldaps with a host and no path', isValid: isLdapUrl };
const attribute = {
  expected: 'the name of an attribute or object class',
  isValid: (value: string) => /^[A-Za-z0-9.-]{1,64}$/.test(value),
};

/** Named as the options of Keystone's section `[ldap]`. */
export const ldapSettings = {
  'ldap.url': list({ help: 'URLs of an LDAP directory whose users may log in; the first that can be reached is asked' }, ldapUrl),
  'ldap.domain_name': text({ help: 'Domain of the users and groups of that directory; it is created if there is none' }),
  'ldap.use_tls': boolean({ default: false, help: 'Ask for TLS by StartTLS; with ldaps there is TLS from the start' }),
  'ldap.tls_cacertfile': text({ help: 'PEM file of the authorities of that directory; default: those of the system' }),
  'ldap.user': text({ help: 'DN as which Ingot reads that directory; empty = it needs none' }),
  'ldap.password': secretText('Password of that DN'),
  'ldap.query_scope': oneOf(['one', 'sub'], { default: 'one', help: 'How deep below the trees is searched' }),
  'ldap.page_size': integer({ default: 500, max: 10_000, help: 'Entries that are asked for at once; 0 = all, without pages' }),
  'ldap.connection_timeout': seconds(10, 'How long that directory may take to respond'),
  'ldap.cache_time': seconds(
    300,
    'For how long what the directory said holds: who is removed there keeps access for no longer; it is read twice in that time',
  ),
  'ldap.users_max': integer({ default: 10_000, max: 100_000, help: 'Users that the directory may have below user_tree_dn' }),
  'ldap.groups_max': integer({ default: 2_000, max: 20_000, help: 'Groups that it may have below group_tree_dn' }),
  'ldap.user_tree_dn': text({ help: 'DN below which the users are' }),
  'ldap.user_filter': text({ help: 'Which of them may log in, such as (memberOf=cn=cloud,ou=groups,dc=example,dc=org)' }),
  'ldap.user_objectclass': text({ default: 'inetOrgPerson', help: 'Object class of users' }, attribute),
  'ldap.user_id_attribute': text(
    { default: 'cn', help: 'Attribute that never changes, from which the id of a user is made' },
    attribute,
  ),
  'ldap.user_name_attribute': text({ default: 'sn', help: 'Attribute with the name by which a user logs in' }, attribute),
  'ldap.user_description_attribute': text(
    { default: 'description', help: 'Attribute with the description of a user' },
    attribute,
  ),
  'ldap.user_mail_attribute': text({ default: 'mail', help: 'Attribute with the mail address of a user' }, attribute),
  'ldap.user_enabled_attribute': text({ default: 'enabled', help: 'Attribute that says whether a user is enabled' }, attribute),
  'ldap.user_enabled_mask': integer({
    default: 0,
    max: 2 ** 30,
    help: 'Bit of it that disables a user; 0 = it is TRUE or FALSE',
  }),
  'ldap.user_enabled_default': text({
    default: 'True',
    help: 'What holds where a user does not have it: True, False or a number',
  }),
  'ldap.user_enabled_invert': boolean({ default: false, help: 'TRUE disables a user' }),
  'ldap.group_tree_dn': text({ help: 'DN below which the groups are; empty = no groups' }),
  'ldap.group_filter': text({ help: 'Which of them are groups here' }),
  'ldap.group_objectclass': text({ default: 'groupOfNames', help: 'Object class of groups' }, attribute),
  'ldap.group_id_attribute': text({ default: 'cn', help: 'Attribute from which the id of a group is made' }, attribute),
  'ldap.group_name_attribute': text({ default: 'ou', help: 'Attribute with the name of a group' }, attribute),
  'ldap.group_desc_attribute': text({ default: 'description', help: 'Attribute with the description of a group' }, attribute),
  'ldap.group_member_attribute': text({ default: 'member', help: 'Attribute with the members of a group' }, attribute),
  'ldap.group_members_are_ids': boolean({ default: false, help: 'Members are values of user_id_attribute, not DNs' }),
};

const issuerUrl = {
  expected: 'a URL of https, or of http on this machine, without user, query and fragment',
  isValid: isIssuerUrl,
};
/** All are about public keys: a secret of the issuer is nobody else's. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const longestSession = 43_200;

export const oidcSettings = {
  'oidc.issuer': text(
    { help: 'Issuer of OpenID Connect whose access tokens are logins; its configuration is read from there' },
    issuerUrl,
  ),
  'oidc.audience': list({ help: 'Audiences, or ids of clients, to which it gives these tokens; those for others are refused' }),
  'oidc.client_id': text({
    help: 'Client as which Ingot asks it about tokens that are no JWT, and lets browsers log in there; empty = both are refused',
  }),
  'oidc.client_secret': secretText('Secret of that client'),
  'oidc.signature_algorithms': list(
    { default: 'RS256,PS256,ES256,EdDSA', help: 'Algorithms by which it may sign' },
    { expected: `of ${algorithms.join(', ')}`, isValid: (value) => algorithms.includes(value) },
  ),
  'oidc.scope': text({
    default: 'openid profile email',
    help: 'What is asked for when a browser logs in there; its redirect URI is /identity/v3/auth/OS-FEDERATION/oidc/redirect',
  }),
  'federation.trusted_dashboard': list(
    { help: 'URLs of dashboards (of Horizon: https://HOST/auth/websso/) that get the tokens of users who log in by a browser' },
    { expected: 'URLs of http or https', isValid: isServerUrl },
  ),
  'oidc.userinfo': boolean({ default: true, help: 'Ask it about the user of a token with the scope openid' }),
  'oidc.token_lifetime': integer({
    ...{ default: 3600, max: longestSession },
    help: 'How long tokens and groups of its users hold after a login (seconds)',
  }),
  'oidc.cafile': text({ help: 'PEM file of its authorities; default: those of the system' }),
  'oidc.timeout': integer({ default: 10, max: 600, help: 'How long it may take to respond (seconds)' }),
};

export type OidcSettings = SettingsOf<typeof oidcSettings>;
export type LdapSettings = SettingsOf<typeof ldapSettings>;
export type ComplianceSettings = SettingsOf<typeof complianceSettings>;
export type IdentitySettings = SettingsOf<typeof identitySettings>;
export type KeystoneSettings = SettingsOf<typeof keystoneSettings>;

function isServerUrl(value: string): boolean {
  if (!/^https?:\/\/[^"\s]+$/i.test(value) || !URL.canParse(value)) return false;
  const { username, password, search, hash } = new URL(value);
  return [username, password, search, hash].every((part) => part === '');
}

/** Tokens are shown to it, and its keys are believed. */
function isIssuerUrl(value: string): boolean {
  return isServerUrl(value) && (/^https:/i.test(value) || ['127.0.0.1', '[::1]', 'localhost'].includes(new URL(value).hostname));
}

function isLdapUrl(value: string): boolean {
  if (!/^ldaps?:\/\/[^"\s]+$/i.test(value) || !URL.canParse(value)) return false;
  const { hostname, username, password, search, hash, pathname } = new URL(value);
  return hostname !== '' && ['', '/'].includes(pathname) && [username, password, search, hash].every((part) => part === '');
}

function isExpression(value: string): boolean {
  try {
    new RegExp(`^(?:${value})`, 'u');
    return true;
  } catch {
    return false;
  }
}
