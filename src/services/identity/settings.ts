/** Settings of the first user and project, and of the region in the catalogue. */
import { type SettingsOf, secretText, text } from '#settings/setting.ts';

export const identitySettings = {
  'admin.user': text({ default: 'admin', help: 'Name of the first user' }),
  'admin.password': secretText('Password of the first user; default: generated into admin-password in the state folder'),
  'admin.project': text({ default: 'admin', help: 'Name of the first project' }),
  region: text({ default: 'RegionOne', help: 'Region name in the catalogue' }),
};

export type IdentitySettings = SettingsOf<typeof identitySettings>;
