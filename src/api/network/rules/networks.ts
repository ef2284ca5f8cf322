/** Rules of networks and subnets. */
import type { PolicyRule } from '../../http/policy/rules.ts';
import { admin, member, networkOwner, ofMember, rule, tagRules } from './base.ts';

const ofShared = 'rule:shared or rule:external';
const netReader = 'role:reader and (project_id:%(project_id)s or rule:network_owner)';
const netMember = 'rule:admin_only or role:member and (project_id:%(project_id)s or rule:network_owner)';

export const networkRules = {
  create_network: member('Create a network.'),
  'create_network:shared': admin('Create a shared network.'),
  'create_network:router:external': admin('Create an external network.'),
  'create_network:is_default': admin('Specify `is_default` of a new network.'),
  'create_network:port_security_enabled': member('Specify `port_security_enabled` of a new network.'),
  'create_network:provider:network_type': admin('Specify `provider:network_type` of a new network.'),
  'create_network:provider:physical_network': admin('Specify `provider:physical_network` of a new network.'),
  'create_network:segments': admin('Specify `segments` of a new network.'),
  'create_network:provider:segmentation_id': admin('Specify `provider:segmentation_id` of a new network.'),
  get_network: rule(
    'rule:admin_only or rule:service_api or role:reader and project_id:%(project_id)s or rule:shared or rule:external',
  )('List and show networks.'),
  'get_network:provider:network_type': admin('See `provider:network_type` of a network.'),
  'get_network:provider:physical_network': admin('See `provider:physical_network` of a network.'),
  'get_network:segments': admin('See `segments` of a network.'),
  'get_network:provider:segmentation_id': admin('See `provider:segmentation_id` of a network.'),
  update_network: member('Change a network.'),
  'update_network:shared': admin('Change `shared` of a network.'),
  'update_network:router:external': admin('Change `router:external` of a network.'),
  'update_network:is_default': admin('Change `is_default` of a network.'),
  'update_network:provider:network_type': admin('Change `provider:network_type` of a network.'),
  'update_network:provider:physical_network': admin('Change `provider:physical_network` of a network.'),
  'update_network:segments': admin('Change `segments` of a network.'),
  'update_network:provider:segmentation_id': admin('Change `provider:segmentation_id` of a network.'),
  'update_network:port_security_enabled': member('Change `port_security_enabled` of a network.'),
  delete_network: member('Delete a network.'),
  ...tagRules('network', `rule:admin_only or role:reader and project_id:%(project_id)s or ${ofShared}`, ofMember),
} as const satisfies Record<string, PolicyRule>;

export const subnetRules = {
  create_subnet: networkOwner('Create a subnet.'),
  'create_subnet:segment_id': admin('Specify `segment_id` of a new subnet.'),
  'create_subnet:service_types': admin('Specify `service_types` of a new subnet.'),
  get_subnet: rule(
    'rule:admin_only or rule:service_api or role:reader and (project_id:%(project_id)s or rule:network_owner) or rule:shared or rule:external',
  )('List and show subnets.'),
  'get_subnet:segment_id': admin('See `segment_id` of a subnet.'),
  update_subnet: member('Change a subnet.'),
  'update_subnet:segment_id': admin('Change `segment_id` of a subnet.'),
  'update_subnet:service_types': admin('Change `service_types` of a subnet.'),
  delete_subnet: member('Delete a subnet.'),
  ...tagRules('subnet', `rule:admin_only or ${netReader} or ${ofShared}`, netMember),
} as const satisfies Record<string, PolicyRule>;
