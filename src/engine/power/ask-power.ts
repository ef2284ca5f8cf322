/** Reads the power state of a machine that sends nothing: one separate request, which may fail. */

import { raceAbort } from '#async/abort.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { Drivers } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import { interfaceOf, loadNode } from '../worker/task.ts';
import type { BmcHealth } from './bmc-health.ts';
import { recordBmcCommand } from './power.ts';

/** A short timeout: the operation has already waited long (milliseconds). */
const maxWaitMs = 15_000;

type Parts = { store: Store; drivers: Drivers; bmcHealth: BmcHealth };

/** @returns undefined if there is no BMC or it does not respond in time */
export async function askPowerNow(
  { store, drivers, bmcHealth }: Parts,
  operation: Operation,
  stop: AbortSignal,
): Promise<PowerState | undefined> {
  try {
    const { node, facts } = await loadNode(store, operation.node_uuid);
    const power = bmcHealth.guard(interfaceOf(drivers.power, node.power_interface));
    if (power.operatorTimeoutSeconds !== undefined) return undefined;
    const signal = AbortSignal.any([stop, AbortSignal.timeout(maxWaitMs)]);
    const ask = () => raceAbort(power.getPower(facts, { signal }), signal);
    return await recordBmcCommand({ store, node: facts, operation, signal }, 'power status', ask);
  } catch {
    return undefined;
  }
}
