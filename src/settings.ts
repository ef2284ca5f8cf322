/**
 * All settings of Ingot. Each row stands beside the part that reads it, or in `settings/` where several do; this is the
 * list of them, in the order in which `serve --help` shows it.
 */
import { policySettings } from '#api/settings.ts';
import { driverSettings } from '#drivers/settings.ts';
import { engineSettings } from '#engine/settings.ts';
import { routingSettings } from '#routing/settings.ts';
import { identitySettings, keystoneSettings, ldapSettings, oidcSettings } from '#services/identity/settings.ts';
import { databaseSettings, recordSettings, secretsSettings } from '#store/settings.ts';
import { toolSettings } from '#tools/settings.ts';
import { logSettings, processSettings } from './settings/process.ts';
import { readValues, type SettingsSources } from './settings/read.ts';
import type { SettingsOf } from './settings/setting.ts';
import { apiSettings, deploySettings, imageSettings, provisioningSettings, stateSettings } from './settings/site.ts';

export { SettingsError, variableOf } from './settings/read.ts';

export const settingsTable = {
  ...apiSettings,
  ...policySettings,
  ...stateSettings,
  ...processSettings,
  ...databaseSettings,
  ...secretsSettings,
  ...logSettings,
  ...provisioningSettings,
  ...routingSettings,
  ...deploySettings,
  ...engineSettings,
  ...driverSettings,
  ...imageSettings,
  ...toolSettings,
  ...recordSettings,
  ...identitySettings,
  ...keystoneSettings,
  ...ldapSettings,
  ...oidcSettings,
};

export type SettingName = keyof typeof settingsTable;
export type Settings = SettingsOf<typeof settingsTable>;

/** Former names of settings that are still accepted. */
const formerNames: Readonly<Record<string, SettingName>> = {
  'bmc.patience': 'bmc.grace_period',
  'power.looks_at_once': 'power.sync_workers',
};

/** Short flags for long setting names that are typed often. */
export const shortcutTable: Readonly<Record<string, SettingName>> = {
  listen: 'api.listen',
  state: 'state_dir',
  address: 'provisioning.address',
};

/** Reads and validates all settings. Throws SettingsError on the first that is unknown or invalid. */
export function readSettings(sources: SettingsSources): Settings {
  return readValues({ rows: settingsTable, former: formerNames, shortcuts: shortcutTable }, sources) as Settings;
}
