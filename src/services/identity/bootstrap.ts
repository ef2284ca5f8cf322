/** Creates the first user and project from the settings, and their secrets in the state folder. */

import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '#files/write-atomically.ts';
import { stateFiles } from '#store/state-files.ts';
import type { Store } from '#store/store.ts';
import type { Project } from '#store/tables/projects.ts';
import type { User } from '#store/tables/users.ts';
import { defaultDomainId } from './domains.ts';
import { checkPassword, hashPassword } from './passwords.ts';
import { domainScope, projectScope, systemScope } from './scopes.ts';
import type { IdentitySettings } from './settings.ts';
import { newUser } from './users.ts';

/**
 * Ensures that the settings' administrator and project exist. A password in the settings always applies; without one, a
 * generated password is kept in `<stateDir>/admin-password`. Deleting that file generates a new one at the next start.
 */
export async function ensureAdmin(store: Store, settings: IdentitySettings, stateDir: string): Promise<void> {
  const { password, mustApply } = await chooseAdminPassword(settings, join(stateDir, stateFiles.password));
  const project = await ensureProject(store, settings['admin.project']);
  const user = await ensureUser(store, settings['admin.user'], project);
  await ensureRoles(store, user.id, project);
  const isRight = user.password_hash !== '' && (!mustApply || (await checkPassword(password, user.password_hash)));
  if (isRight) return;
  const password_hash = await hashPassword(password);
  await store.transaction(async (trx) => {
    await trx.users.update({ id: user.id }, { password_hash, password_expires_at: null, former_passwords: [] });
    await trx.users.revokeTokens(user.id);
  });
}

async function chooseAdminPassword(settings: IdentitySettings, path: string): Promise<{ password: string; mustApply: boolean }> {
  const password = settings['admin.password'];
  if (password) {
    await writeAtomically(path, `${password}\n`);
    return { password, mustApply: true };
  }
  const { secret, isNew } = await secretFile(path, 18);
  return { password: secret, mustApply: isNew };
}

/** The token signing key; created on first use. */
export async function ensureTokenKey(stateDir: string): Promise<Buffer> {
  const { secret } = await secretFile(join(stateDir, stateFiles.tokenKey), 48);
  return Buffer.from(secret, 'base64url');
}

async function ensureProject(store: Store, name: string): Promise<Project> {
  const key = { domain_id: defaultDomainId, name };
  const id = randomUUID().replaceAll('-', '');
  const found = await store.projects.find(key);
  if (found) return found;
  const place = { parent_id: defaultDomainId, enabled: true, tags: [], options: {} };
  return store.projects.insert({ id, ...key, ...place, description: 'First project' });
}

async function ensureUser(store: Store, name: string, project: Project): Promise<User> {
  const found = await store.users.find({ domain_id: defaultDomainId, name });
  for (const former of await store.users.list({ is_admin: true })) if (former.id !== found?.id) await demote(store, former);
  // A start unlocks the account.
  const changes = { project_id: project.id, is_admin: true, enabled: true, failed_logins: 0 };
  if (!found) return store.users.insert({ ...newUser(name), ...changes });
  await store.users.update({ id: found.id }, changes);
  return found;
}

/** The previous administrator of the settings becomes an ordinary user, whom administrators can delete. */
async function demote(store: Store, { id }: User): Promise<void> {
  await store.transaction(async (trx) => {
    await trx.users.update({ id }, { is_admin: false });
    await trx.role_assignments.remove({ user_id: id, role_id: 'admin' });
    await trx.users.revokeTokens(id);
    await trx.application_credentials.remove({ user_id: id });
  });
}

/**
 * The role `admin` on the system, on the default domain and in the project, as `keystone-manage bootstrap` assigns it;
 * also in all other projects of the domain, by inheritance.
 */
async function ensureRoles(store: Store, user_id: string, project: Project): Promise<void> {
  const scopes = [
    { ...systemScope, inherited: false },
    { ...domainScope(project.domain_id), inherited: false },
    { ...domainScope(project.domain_id), inherited: true },
    { ...projectScope(project.id), inherited: false },
  ];
  for (const scope of scopes) {
    const assignment = { user_id, group_id: '', role_id: 'admin', ...scope } as const;
    await store.role_assignments.insertIfAbsent(assignment);
  }
}

/** Text of a file with a random secret in base64url; created (mode 0600) if missing. */
async function secretFile(path: string, bytes: number): Promise<{ secret: string; isNew: boolean }> {
  try {
    const secret = (await readFile(path, 'utf8')).trim();
    if (secret) return { secret, isNew: false };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const secret = randomBytes(bytes).toString('base64url');
  await writeAtomically(path, `${secret}\n`);
  return { secret, isNew: true };
}
