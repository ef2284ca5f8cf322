/**
 * Machines that must never be powered off (Ironic's `disable_power_off`): where an operation would power its machine off
 * and on, it restarts it once. A machine that stays on is restarted when its boot files are gone, so that the ramdisk
 * does not run on.
 */
import { Fault } from '#domain/faults.ts';
import type { NodeFacts, PowerInterface, PowerTarget } from '#drivers/interfaces.ts';
import type { Node } from '#store/tables/nodes.ts';
import { isManual } from './manual-power.ts';

type KeptOn = Pick<Node, 'disable_power_off'>;

export function leadsOff(target: string): boolean {
  return target === 'power off' || target === 'soft power off';
}

/** @throws Fault `conflict` as Ironic's `PowerStateFailure` */
export function refuseOff({ disable_power_off }: KeptOn, target: string): void {
  if (!disable_power_off || !leadsOff(target)) return;
  throw new Fault('conflict', { detail: `Failed to set node power state to ${target}.` });
}

/** @throws Fault `unsupportedByHardware` if its power can only be switched off and on */
export function expectRestart({ name, uuid, driver }: Pick<NodeFacts, 'name' | 'uuid' | 'driver'>, power: PowerInterface): void {
  const isKnown = power.targets?.includes('reset') ?? !isManual(power);
  if (isKnown) return;
  throw new Fault('unsupportedByHardware', { node: name ?? uuid, driver, what: 'a restart without powering off' });
}

type Restarting = {
  readonly node: NodeFacts;
  readonly power: PowerInterface;
  /** Whether a power off of this operation was skipped, and no restart has followed yet. */
  isOwed(): boolean;
  owe(isOwed: boolean): Promise<void>;
  set(target: PowerTarget): Promise<void>;
};

/** `task.power.set` for such a machine. */
export async function setWithoutOff({ node, power, isOwed, owe, set }: Restarting, target: PowerTarget): Promise<void> {
  if (leadsOff(target)) {
    expectRestart(node, power);
    if (!isOwed()) await owe(true);
    return;
  }
  if (target === 'power on' && !isOwed()) return set(target);
  expectRestart(node, power);
  await set('reset');
  if (isOwed()) await owe(false);
}
