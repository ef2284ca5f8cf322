/** Networks, as in Neutron. */

import type { JsonObject } from '#domain/json.ts';
import { RevisedCollection, type StandardAttributes } from './standard-attributes.ts';

export type Network = StandardAttributes & {
  admin_state_up: boolean;
  shared: boolean;
  external: boolean;
  mtu: number;
  /** Neutron's provider attributes; `flat` on `physical_network`. */
  provider: JsonObject;
  /** Of its new ports. */
  port_security_enabled: boolean;
};

export class Networks extends RevisedCollection<Network, { networks: Network }> {
  static override readonly table = {
    name: 'networks',
    json: ['tags', 'provider'],
    boolean: ['admin_state_up', 'shared', 'external', 'port_security_enabled'],
  };

  /** Its own and the shared ones, oldest first; others are not read at all. @param project_id undefined: all */
  async listVisible(project_id: string | undefined): Promise<Network[]> {
    const query = this.db.selectFrom('networks').selectAll().orderBy('created_at').orderBy('id');
    if (project_id === undefined) return (await query.execute()).map((row) => this.decode(row));
    const visible = query.where((where) => where.or([where('project_id', '=', project_id), where('shared', '=', true)]));
    return (await visible.execute()).map((row) => this.decode(row));
  }
}
