/** Networks, as in Neutron. */
import { anyOf, isEqual } from '../conditions.ts';
import { isSharedWith } from './rbac-policies.ts';
import { RevisedCollection, type StandardAttributes } from './standard-attributes.ts';

export type Network = StandardAttributes & {
  admin_state_up: boolean;
  shared: boolean;
  external: boolean;
  mtu: number;
  availability_zone_hints: string[];
  /** Of its new ports. */
  port_security_enabled: boolean;
  /** In DNS, with a dot at its end; empty: none. */
  dns_domain: string;
  /** Neutron's QoS policy: a fact, like port security. */
  qos_policy_id: string | null;
};

export class Networks extends RevisedCollection<Network, { networks: Network }> {
  static override readonly table = {
    name: 'networks',
    json: ['tags', 'availability_zone_hints'],
    boolean: ['admin_state_up', 'shared', 'external', 'port_security_enabled'],
  };

  /** Its own and those shared with it, oldest first; others are not read at all. */
  listVisible(project_id: string): Promise<Network[]> {
    const visible = anyOf(isEqual('project_id', project_id), isSharedWith('network', project_id));
    return this.list([visible], { order: [{ column: 'created_at' }, { column: 'id' }] });
  }

  /** Whether a project may have ports on it. */
  async isUsableBy(id: string, project_id: string): Promise<boolean> {
    const usable = anyOf(isEqual('project_id', project_id), isSharedWith('network', project_id));
    return (await this.pick(['id'], [isEqual('id', id), usable])).length > 0;
  }
}
