/** Users. */
import { randomUUID } from 'node:crypto';
import type { User } from '#store/tables/users.ts';

export function newUser(name: string): User {
  return {
    id: randomUUID().replaceAll('-', ''),
    name,
    password_hash: '',
    token_revision: 0,
    project_id: '',
    is_admin: false,
    enabled: true,
    description: '',
    email: '',
  };
}
