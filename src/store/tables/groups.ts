/** Groups of users, as in Keystone: a member has the roles that are assigned to the group. */
import { Collection } from '../collection.ts';

export type Group = {
  id: string;
  domain_id: string;
  /** Unique in its domain. */
  name: string;
  description: string;
};

export class Groups extends Collection<Group> {
  static override readonly table = { name: 'groups' };
}

/** `expires_at`: of what an identity provider said; empty: it does not end by itself. */
export type GroupMember = { group_id: string; user_id: string; expires_at: string };

export class GroupMembers extends Collection<GroupMember> {
  static override readonly table = { name: 'group_members' };
}
