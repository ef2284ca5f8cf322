import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

/** A chassis: nodes that an operator groups, as by their enclosure. */
export type ChassisRecord = {
  uuid: string;
  description: string | null;
  extra: JsonObject;
  created_at: string;
  updated_at: string | null;
};

export class Chassis extends Collection<ChassisRecord> {
  static override readonly table = { name: 'chassis', json: ['extra'] };
}
