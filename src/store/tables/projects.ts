/** Projects, as in Keystone. */
import { Collection } from '../collection.ts';

export type Project = { id: string; name: string; description: string };

export class Projects extends Collection<Project> {
  static override readonly table = { name: 'projects' };
}
