/** Settings of cleaning and of power control. */
import { boolean, integer, oneOf, type SettingsOf, seconds } from '#settings/setting.ts';
import type { DeploySettings, ProvisioningSettings, StateSettings } from '#settings/site.ts';

/** Reactions to a power change that Ingot did not request. */
export const powerPolicies = ['record', 'correct', 'maintenance'] as const;
export type PowerPolicyName = (typeof powerPolicies)[number];
/** Former names. */
export const formerPowerPolicies: Readonly<Record<string, PowerPolicyName>> = { hold: 'maintenance' };

export const engineSettings = {
  'scheduler.max_attempts': integer({
    default: 2,
    max: 20,
    help: 'On how many nodes a server is tried if its deployment fails because of the machine; 1 = no other one',
  }),
  'clean.on_provide': boolean({ default: false, help: 'Clean nodes also when they are first made available' }),
  'clean.automated': boolean({
    default: true,
    help: "Clean nodes before they become available again; a node's automated_clean takes precedence. false keeps the data of former instances on the disks",
  }),
  'clean.timeout': seconds(7200, 'Timeout for cleaning'),
  'power.timeout': seconds(60, 'Timeout for a power change to take effect'),
  'bmc.grace_period': seconds(60, 'How long an operation retries a BMC that does not respond (it may be restarting)'),
  'power.poll_ms': integer({ default: 500, help: 'Power state polling interval during a change (milliseconds)' }),
  'power.sync_interval': seconds(30, 'Power state sync interval of idle nodes; 0 = never'),
  'power.sync_policy': oneOf(powerPolicies, {
    default: 'record',
    former: formerPowerPolicies,
    help: 'Reaction to an unexpected power change: record, correct or maintenance',
  }),
  'power.sync_workers': integer({
    default: 500,
    max: 10_000,
    help: 'Maximum concurrent power state polls; BMCs that are slow to respond are counted separately',
  }),
};

export type EngineSettings = SettingsOf<typeof engineSettings> & DeploySettings & ProvisioningSettings & StateSettings;
