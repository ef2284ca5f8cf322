/** How users change their own password: it takes the former one, and no token, since an expired password gets none. */
import { Fault } from '#domain/faults.ts';
import { checkAccount } from './account-locks.ts';
import type { IdentityContext } from './context.ts';
import { refuseWrite } from './directory/read-only.ts';
import { isDomainEnabled } from './domains.ts';
import type { LoginClient } from './login-guard.ts';
import { checkAge, checkHistory, checkStrength, renewed } from './password-rules.ts';
import { prove } from './proofs.ts';

export type PasswordChange = { readonly user_id: string; readonly original_password: string; readonly password: string };

/** The original password is checked like a login. All tokens of the user become invalid. */
export async function changePassword(
  context: IdentityContext,
  client: LoginClient,
  { user_id, original_password, password }: PasswordChange,
): Promise<void> {
  const found = await context.store.users.find({ id: user_id });
  // Whoever does not know the password of a user learns nothing of a directory.
  if (found && context.directory?.owns(found)) {
    await prove(context, client, { methods: ['password'], password: { user: { id: user_id, password: original_password } } });
    refuseWrite(context, found);
  }
  const user = await checkAccount(context, client, { user: found, account: user_id, password: original_password });
  if (!(await isDomainEnabled(context, user))) throw new Fault('unauthorized');
  checkStrength(context.settings, password);
  if (user.options.lock_password) {
    const disabled = 'You cannot change your password at this time due to password policy disallowing password changes.';
    throw new Fault('badRequest', { detail: `${disabled} Please contact your administrator to reset your password.` });
  }
  checkAge(context.settings, user);
  await checkHistory(context, client, { user, password });
  const password_hash = await context.logins.hash(client, password);
  const changes = renewed(context.settings, { user, password_hash, by: 'user' });
  await context.store.transaction(async (trx) => {
    const { id, password_hash: former } = user;
    // Of two concurrent changes, the later one no longer has the right original password.
    if ((await trx.users.update({ id, password_hash: former }, changes)) === 0) throw new Fault('unauthorized');
    await trx.users.revokeTokens(id);
  });
}
