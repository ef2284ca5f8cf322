/** Rules of quotas, and of what there is none. */
import type { PolicyRule } from '../../http/policy/rules.ts';
import { admin, anyone, reader, rule } from './base.ts';

export const otherRules = {
  get_quota: reader('Show the quotas of a project.'),
  update_quota: admin('Change the quotas of a project.'),
  delete_quota: admin('Reset the quotas of a project.'),
  get_network_ip_availability: rule('rule:admin_only or rule:service_api')('See how many addresses of networks are in use.'),
  get_agent: admin('List and show network agents.'),
  create_agent: admin('Create a network agent.'),
  update_agent: admin('Change a network agent.'),
  delete_agent: admin('Delete a network agent.'),
  'get_dhcp-networks': admin('List the networks on a DHCP agent.'),
  'create_dhcp-network': admin('Add a network to a DHCP agent.'),
  'delete_dhcp-network': admin('Remove a network from a DHCP agent.'),
  'get_dhcp-agents': admin('List the DHCP agents of a network.'),
  'get_l3-routers': admin('List the routers on an L3 agent.'),
  'create_l3-router': admin('Add a router to an L3 agent.'),
  'delete_l3-router': admin('Remove a router from an L3 agent.'),
  'get_l3-agents': admin('List the L3 agents of a router.'),
  get_availability_zone: anyone('List the availability zones of the network service.'),
  get_flavor: rule('role:reader')('List flavors of network services.'),
  create_flavor: admin('Create a flavor of network services.'),
  get_service_profile: admin('List service profiles of flavors.'),
  create_service_profile: admin('Create a service profile of flavors.'),
  get_service_provider: rule('role:reader')('List the providers of network services.'),
  create_segment: admin('Create a network segment.'),
  get_segment: admin('List and show network segments.'),
  update_segment: admin('Change a network segment.'),
  delete_segment: admin('Delete a network segment.'),
} as const satisfies Record<string, PolicyRule>;
