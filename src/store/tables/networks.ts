/** Networks, as in Neutron. */
import type { JsonObject } from '#domain/json.ts';

export type Network = {
  id: string;
  name: string;
  project_id: string;
  admin_state_up: boolean;
  shared: boolean;
  external: boolean;
  mtu: number;
  /** Neutron's provider attributes; `flat` on `physical_network`. */
  provider: JsonObject;
  description: string;
  created_at: string;
  updated_at: string;
};
