/** Rules of quotas, and of what there is none. */
import type { PolicyRule } from '../../http/policy/rules.ts';
import { admin, anyone, reader, rule } from './base.ts';

export const otherRules = {
  get_quota: reader('Show the quotas of a project.'),
  update_quota: admin('Change the quotas of a project.'),
  delete_quota: admin('Reset the quotas of a project.'),
  get_network_ip_availability: rule('rule:admin_only or rule:service_api')('See how many addresses of networks are in use.'),
  get_agent: reader('List network agents.'),
  get_availability_zone: anyone('List the availability zones of the network service.'),
  get_flavor: rule('role:reader')('List flavors of network services.'),
  create_flavor: admin('Create a flavor of network services.'),
  get_service_profile: admin('List service profiles of flavors.'),
  create_service_profile: admin('Create a service profile of flavors.'),
  get_service_provider: rule('role:reader')('List the providers of network services.'),
  create_segment: admin('Create a network segment.'),
  get_segment: reader('List network segments.'),
} as const satisfies Record<string, PolicyRule>;
