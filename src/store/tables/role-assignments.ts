/** Roles of users on the system, on domains and on projects, as in Keystone. */
import { Collection } from '../collection.ts';

export type RoleName = 'admin' | 'manager' | 'member' | 'reader' | 'service';

/** What a token is issued for and a role is assigned on. */
export type Scope = {
  scope_type: 'system' | 'domain' | 'project';
  /** Of the domain or project; `all` for the system. */
  scope_id: string;
};

export type RoleAssignment = Scope & {
  user_id: string;
  role: RoleName;
  /** Of a domain: applies to the domain's projects (OS-INHERIT), and not to the domain itself. */
  inherited: boolean;
};

export class RoleAssignments extends Collection<RoleAssignment> {
  static override readonly table = { name: 'role_assignments', boolean: ['inherited'] };
}
