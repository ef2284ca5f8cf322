/** Roles of users in projects, as in Keystone. */

export type RoleName = 'admin' | 'member' | 'reader';

export type RoleAssignment = { user_id: string; project_id: string; role: RoleName };
