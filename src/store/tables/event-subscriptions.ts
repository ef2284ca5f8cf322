/** Subscriptions to events that BMCs keep for Ingot. */
import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

export type EventSubscription = {
  id: string;
  /** The node may have been deleted, or have another BMC by now. */
  node_uuid: string;
  power_interface: string;
  /** The endpoint of the BMC. */
  address: string;
  /** The settings of the node at that time: they reach the BMC also if the node was deleted. */
  driver_info: JsonObject;
  /** Of the subscription at the BMC. */
  path: string;
  created_at: string;
};

export class EventSubscriptions extends Collection<EventSubscription> {
  static override readonly table = { name: 'event_subscriptions', json: ['driver_info'], sealed: ['driver_info'] };
}
