/** Inactive bindings of ports, as in Neutron; the active one is part of the port. */
import type { JsonObject } from '#domain/json.ts';
import { Collection } from '../collection.ts';

export type PortBinding = {
  port_id: string;
  host: string;
  profile: JsonObject;
};

export class PortBindings extends Collection<PortBinding> {
  static override readonly table = { name: 'port_bindings', json: ['profile'] };
}
