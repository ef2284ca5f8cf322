/** Settings of cleaning and of power control. */
import { isStepPriority, stepPriorityRule } from '#domain/automatic-steps.ts';
import { boolean, integer, list, oneOf, type SettingsOf, seconds, text } from '#settings/setting.ts';
import type { DeploySettings, ProvisioningSettings, StateSettings } from '#settings/site.ts';

/** Reactions to a power change that Ingot did not request. */
export const powerPolicies = ['record', 'correct', 'maintenance'] as const;
export type PowerPolicyName = (typeof powerPolicies)[number];
/** Where the lessee comes from that a deployment sets. */
export const lesseeSources = ['none', 'instance', 'request'] as const;

/** Former names. */
export const formerPowerPolicies: Readonly<Record<string, PowerPolicyName>> = { hold: 'maintenance' };

const addedPorts = ['pxe', 'active', 'all', 'disabled'] as const;
const keptPorts = ['all', 'present', 'added'] as const;

function isPriorityRow(row: string): boolean {
  const [, name = '', priority] = /^([a-z_.]+)=([0-9]{1,7})$/.exec(row) ?? [];
  return isStepPriority(name, priority === undefined ? undefined : Number(priority));
}

const disallowed = (what: string) =>
  list(
    { help: `Steps that nobody may request in ${what}, e.g. bios.factory_reset, comma-separated` },
    { expected: 'a comma-separated list of interface.step', isValid: (name) => /^[a-z]+\.[a-z_]+$/.test(name) },
  );

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
  'clean.step_priorities': list(
    {
      help: 'Priorities of the steps of automatic cleaning, e.g. management.clear_log=20,deploy.erase_devices=10; 0 = not executed',
    },
    { expected: `a comma-separated list of interface.step=priority, in which ${stepPriorityRule}`, isValid: isPriorityRow },
  ),
  'clean.disallowed_steps': disallowed('cleaning'),
  'deploy.automatic_lessee': oneOf(lesseeSources, {
    default: 'none',
    help: "The project that becomes the lessee of a node without one while an instance is deployed on it: instance (that of the server, or project_id in instance_info), request (that of the caller's token) or none. A lessee controls the hardware: power, virtual media, and for managers steps",
  }),
  'deploy.disallowed_steps': disallowed('deployments'),
  'service.disallowed_steps': disallowed('servicing'),
  'inspection.add_ports': oneOf(addedPorts, {
    default: 'pxe',
    help: "For which NICs an inspection adds ports: pxe (those that the machine may have booted from; all if that is not known), active (with an IP address), all or disabled; Ironic's [inspector]add_ports",
  }),
  'inspection.built_in_rules': text({
    help: "YAML or JSON file of inspection rules that are applied with those of the API, read at start; Ironic's [inspection_rules]built_in_rules",
  }),
  'inspection.keep_ports': oneOf(keptPorts, {
    default: 'all',
    help: "Which ports of a node its inspection leaves: all, present (of NICs that the machine has) or added (those of inspection.add_ports); Ironic's [inspector]keep_ports",
  }),
  'steps.hold_timeout': integer({
    default: 604_800,
    max: 31_536_000,
    help: 'How long a step `hold` waits for an operator, after which the operation fails (seconds)',
  }),
  'steps.longest_wait': integer({ default: 30, max: 1800, help: 'The longest time that a step `wait` may ask for (seconds)' }),
  'power.timeout': seconds(60, 'Timeout for a power change to take effect'),
  'bmc.grace_period': seconds(60, 'How long an operation retries a BMC that does not respond (it may be restarting)'),
  'power.off_with_active_children': boolean({
    default: false,
    help: 'Power off a node, as Ironic does, also if child nodes that depend on its power have an instance',
  }),
  'power.poll_ms': integer({ default: 500, help: 'Power state polling interval during a change (milliseconds)' }),
  'power.recovery_interval': seconds(
    300,
    'How often the BMC of a node in maintenance because of a power failure is polled, which ends the maintenance when it responds; 0 = an operator ends it',
  ),
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
