/** Reads the boot events recorded by an earlier process. */

import type { Store } from '#store/store.ts';
import type { Event } from '#store/tables/events.ts';
import type { Operation } from '#store/tables/operations.ts';
import { BootSigns } from './boot-signs.ts';

/** More than one boot produces. */
const eventsMax = 500;

export async function readSigns(store: Pick<Store, 'events'>, operation: Operation): Promise<BootSigns> {
  const events = await store.events.list({ node_uuid: operation.node_uuid, descending: true, limit: eventsMax });
  const own = events.filter(({ operation_id }) => operation_id === operation.id);
  return BootSigns.of(sincePowerOn(own).toReversed());
}

/** The power command is recorded when it ends; the machine may send requests before that. @param events newest first */
function sincePowerOn(events: Event[]): Event[] {
  const powerOn = events.find(({ kind, subject }) => kind === 'bmc' && subject === 'power on');
  if (!powerOn) return events;
  const begun = new Date(Date.parse(powerOn.at) - (powerOn.duration_ms ?? 0)).toISOString();
  return events.filter(({ at }) => at >= begun);
}
