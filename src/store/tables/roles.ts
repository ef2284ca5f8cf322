/** Roles, as in Keystone, and which role implies which. */
import { Collection } from '../collection.ts';
import type { ResourceOptions } from './domains.ts';

export type Role = {
  /** Of the roles that every installation has, their name. */
  id: string;
  /** Empty: a role of the cloud, which tokens have. One of a domain only stands for what it implies. */
  domain_id: string;
  /** Unique in its domain, and among the roles of the cloud, without regard to case. */
  name: string;
  description: string;
  options: ResourceOptions;
};

export class Roles extends Collection<Role> {
  static override readonly table = { name: 'roles', json: ['options'] };
}

/** Who has the prior role has the implied one, too. */
export type ImpliedRole = { prior_role_id: string; implied_role_id: string };

export class ImpliedRoles extends Collection<ImpliedRole> {
  static override readonly table = { name: 'implied_roles' };
}
