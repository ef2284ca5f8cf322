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
  create_segment: admin('Create a network segment.'),
  get_segment: reader('List network segments.'),
} as const satisfies Record<string, PolicyRule>;
