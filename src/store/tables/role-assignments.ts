/** Roles of users and groups on the system, on domains and on projects, as in Keystone. */
import { Collection } from '../collection.ts';

/** What a token is issued for and a role is assigned on. */
export type Scope = {
  scope_type: 'system' | 'domain' | 'project';
  /** Of the domain or project; `all` for the system. */
  scope_id: string;
};

/** Who has a role: a user or a group; the id of the other is empty. */
export type Actor = { user_id: string; group_id: string };

export type RoleAssignment = Scope &
  Actor & {
    role_id: string;
    /** Applies to the projects below the domain or project (OS-INHERIT), and not to itself. */
    inherited: boolean;
  };

export class RoleAssignments extends Collection<RoleAssignment> {
  static override readonly table = { name: 'role_assignments', boolean: ['inherited'] };
}
