/** Projects, as in Keystone. */
import { Collection } from '../collection.ts';
import type { ResourceOptions } from './domains.ts';

export type Project = {
  id: string;
  domain_id: string;
  /** Unique in its domain. */
  name: string;
  description: string;
  /** The project in which this one is; of those at the top, their domain. */
  parent_id: string;
  enabled: boolean;
  tags: string[];
  options: ResourceOptions;
};

export class Projects extends Collection<Project> {
  static override readonly table = { name: 'projects', json: ['tags', 'options'], boolean: ['enabled'] };
}
