/** Roles of users in projects, as in Keystone. */
import { Collection } from '../collection.ts';

export type RoleName = 'admin' | 'member' | 'reader';

export type RoleAssignment = { user_id: string; project_id: string; role: RoleName };

export class RoleAssignments extends Collection<RoleAssignment> {
  static override readonly table = { name: 'role_assignments' };
}
