/** Settings of the first user and project, and of the region in the catalogue. */
import { integer, type SettingsOf, secretText, text } from '#settings/setting.ts';

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

export type IdentitySettings = SettingsOf<typeof identitySettings>;
