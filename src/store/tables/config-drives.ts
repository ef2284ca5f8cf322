import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

/** The config drive that a client gave for the instance of a node; it stays until the instance is deleted. */
export type ConfigDrive = {
  /** UUID of the node. */
  id: string;
  /** As given: the image (`iso`, base64, possibly compressed), or what it is made of. User data may hold secrets. */
  document: JsonObject;
};

export class ConfigDrives extends Collection<ConfigDrive> {
  static override readonly table = { name: 'config_drives', json: ['document'], sealed: ['document'] };
}
