/** Unified limits, as in Keystone: other services read them. Ingot's own quotas are not among them. */
import { Collection } from '../collection.ts';

type LimitedResource = {
  id: string;
  service_id: string;
  region_id: string | null;
  resource_name: string;
  description: string | null;
};

/** What applies to a project that has no limit of its own. */
export type RegisteredLimit = LimitedResource & { default_limit: number };

export class RegisteredLimits extends Collection<RegisteredLimit> {
  static override readonly table = { name: 'registered_limits' };
}

/** Of a project or of a domain. Service, region and resource are those of the registered limit, which keeps them meanwhile. */
export type Limit = LimitedResource & {
  registered_limit_id: string;
  project_id: string | null;
  domain_id: string | null;
  resource_limit: number;
};

export class Limits extends Collection<Limit> {
  static override readonly table = { name: 'limits' };
}
