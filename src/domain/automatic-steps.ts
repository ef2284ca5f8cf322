/** Priorities of the steps of automatic cleaning, as a setting or a node gives them. */

export const eraseName = 'deploy.erase_devices';

/** The steps that automatic cleaning can execute: they need no arguments. */
export const automaticStepNames = [
  ...[eraseName, 'bios.factory_reset', 'management.reset_bmc', 'management.clear_log'],
  ...['raid.delete_configuration', 'raid.create_configuration'],
];

const highest = 1_000_000;

/** 0 = not executed; the disks are always erased. */
export function isStepPriority(name: string, priority: unknown): boolean {
  const least = name === eraseName ? 1 : 0;
  const isKnown = automaticStepNames.includes(name);
  return isKnown && Number.isInteger(priority) && Number(priority) >= least && Number(priority) <= highest;
}

export const stepPriorityRule = `each of ${automaticStepNames.join(', ')} has a whole number from 0 to ${highest}, and ${eraseName} one from 1`;
