/** The steps of nodes by name, for rights and settings that name them; engine/operations/node-steps.ts says what they are. */

/** Ironic's steps that belong to no interface: a request may name any. */
export const reservedSteps = ['hold', 'wait', 'power_on', 'power_off', 'reboot'] as const;

export const stepNames = [
  'bios.apply_configuration',
  'bios.factory_reset',
  'deploy.erase_devices',
  'firmware.update',
  'management.clear_log',
  'management.reset_bmc',
  'raid.apply_configuration',
  'raid.create_configuration',
  'raid.delete_configuration',
  'power.hold',
  'power.wait',
  'power.power_on',
  'power.power_off',
  'power.reboot',
] as const;
export type StepName = (typeof stepNames)[number];

/** The name under which a step is permitted or disallowed, whatever interface a request gives to a reserved one. */
export function stepNameOf({ interface: slot, step }: { readonly interface: string; readonly step: string }): string {
  return (reservedSteps as readonly string[]).includes(step) ? `power.${step}` : `${slot}.${step}`;
}
