/** Rules of routers, floating IPs and port forwardings. */
import type { PolicyRule } from '../../http/policy/rules.ts';
import { admin, member, ofMember, ofReader, reader, rule, tagRules } from './base.ts';

const parentMember = rule('rule:admin_only or role:member and rule:ext_parent_owner');
const manager = rule('rule:admin_only or role:manager and project_id:%(project_id)s');

const gatewayRules = <const Verb extends 'create' | 'update'>(verb: Verb) =>
  ({
    [`${verb}_router:distributed`]: admin('Specify `distributed` of a router.'),
    [`${verb}_router:ha`]: admin('Specify `ha` of a router.'),
    [`${verb}_router:external_gateway_info`]: member('Specify the external gateway of a router.'),
    [`${verb}_router:external_gateway_info:network_id`]: member('Specify the network of the external gateway of a router.'),
    [`${verb}_router:external_gateway_info:enable_snat`]: admin('Specify `enable_snat` of the external gateway of a router.'),
    [`${verb}_router:external_gateway_info:external_fixed_ips`]: admin(
      'Specify the addresses of the external gateway of a router.',
    ),
  }) as Readonly<Record<`${Verb}_router:${'distributed' | 'ha' | `external_gateway_info${'' | `:${string}`}`}`, PolicyRule>>;

export const routerRules = {
  create_router: member('Create a router.'),
  ...gatewayRules('create'),
  get_router: reader('List and show routers.'),
  'get_router:ha': admin('See `ha` of a router.'),
  update_router: member('Change a router.'),
  ...gatewayRules('update'),
  delete_router: member('Delete a router.'),
  ...tagRules('router', ofReader, ofMember),
  add_router_interface: member('Connect a router with a subnet or port.'),
  remove_router_interface: member('Disconnect a router from a subnet or port.'),
  add_extraroutes: member('Add routes to a router.'),
  remove_extraroutes: member('Remove routes from a router.'),
  create_floatingip: member('Create a floating IP.'),
  'create_floatingip:floating_ip_address': manager('Specify the address of a new floating IP.'),
  get_floatingip: reader('List and show floating IPs.'),
  update_floatingip: member('Change a floating IP.'),
  delete_floatingip: member('Delete a floating IP.'),
  ...tagRules('floatingip', ofReader, ofMember),
  ext_parent_owner: {
    check: 'project_id:%(ext_parent:project_id)s',
    description: 'The project of the resource that another one belongs to.',
  },
  create_floatingip_port_forwarding: parentMember('Create a port forwarding.'),
  get_floatingip_port_forwarding: rule('rule:admin_only or role:reader and rule:ext_parent_owner')(
    'List and show port forwardings.',
  ),
  update_floatingip_port_forwarding: parentMember('Change a port forwarding.'),
  delete_floatingip_port_forwarding: parentMember('Delete a port forwarding.'),
} as const satisfies Record<string, PolicyRule>;
