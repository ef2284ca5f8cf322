/** Routers, as in Neutron, and their ports. */
import { Collection } from '../collection.ts';
import { RevisedCollection, type StandardAttributes } from './standard-attributes.ts';

export type ExtraRoute = { destination: string; nexthop: string };

export type Router = StandardAttributes & {
  admin_state_up: boolean;
  /** ERROR: its data path is not as it should be. */
  status: 'ACTIVE' | 'ERROR';
  /** Of the external gateway. */
  enable_snat: boolean;
  availability_zone_hints: string[];
  routes: ExtraRoute[];
};

export class Routers extends RevisedCollection<Router> {
  static override readonly table = {
    name: 'routers',
    json: ['tags', 'routes', 'availability_zone_hints'],
    boolean: ['admin_state_up', 'enable_snat'],
  };
}

/** Not `device_id` of a port, which its owner may set: only the router's own operations write this. */
export type RouterPort = { port_id: string; router_id: string; kind: 'gateway' | 'interface' };

export class RouterPorts extends Collection<RouterPort> {
  static override readonly table = { name: 'router_ports', key: 'port_id' };
}
