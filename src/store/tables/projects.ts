/** Projects, as in Keystone. */
import { Collection } from '../collection.ts';

export type Project = {
  id: string;
  domain_id: string;
  /** Unique in its domain. */
  name: string;
  description: string;
};

export class Projects extends Collection<Project> {
  static override readonly table = { name: 'projects' };
}
