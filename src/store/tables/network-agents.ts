/** Agents of the network service, as in Neutron: what of it runs in this process, and when it last worked. */
import type { JsonObject } from '#domain/json.ts';
import { RevisedCollection, type UnnamedAttributes } from './standard-attributes.ts';

export type NetworkAgent = UnnamedAttributes & {
  agent_type: 'DHCP agent' | 'L3 agent';
  binary: string;
  topic: string;
  host: string;
  availability_zone: string;
  started_at: string;
  /** When it last worked. */
  heartbeat_timestamp: string;
  configurations: JsonObject;
};

export class NetworkAgents extends RevisedCollection<NetworkAgent> {
  static override readonly table = { name: 'network_agents', json: ['configurations'] };
}
