/** Settings of the first user and project, of the region in the catalogue, and of a Keystone used instead of this service. */
import { boolean, integer, list, type SettingsOf, seconds, secretText, text } from '#settings/setting.ts';

export const identitySettings = {
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

export type IdentitySettings = SettingsOf<typeof identitySettings>;
export type KeystoneSettings = SettingsOf<typeof keystoneSettings>;

function isServerUrl(value: string): boolean {
  if (!/^https?:\/\/[^"\s]+$/i.test(value) || !URL.canParse(value)) return false;
  const { username, password, search, hash } = new URL(value);
  return [username, password, search, hash].every((part) => part === '');
}
