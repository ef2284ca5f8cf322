/** Passwords of users: too many wrong ones lock the account, if a setting says so. */
import { Fault } from '#domain/faults.ts';
import type { User } from '#store/tables/users.ts';
import type { IdentityContext } from './context.ts';
import type { LoginClient } from './login-guard.ts';
import { isActive, today } from './password-rules.ts';
import type { ComplianceSettings } from './settings.ts';

export type PasswordAttempt = {
  /** undefined if none exists. */
  readonly user: User | undefined;
  /** As the request names the user. */
  readonly account: string;
  readonly password: string;
};

/** @throws Fault `unauthorized`, `authenticationFailed` if the account is locked, `tooManyRequests` */
export async function checkAccount(context: IdentityContext, client: LoginClient, attempt: PasswordAttempt): Promise<User> {
  const { user, account, password } = attempt;
  if (user) refuseLocked(context.settings, user);
  const isUsable = user?.enabled && isActive(context.settings, user);
  try {
    const hash = isUsable ? user.password_hash : undefined;
    await context.logins.check(client, { account: user?.id ?? account, user_id: user?.id, secret: password, hash });
  } catch (error) {
    if (isUsable && error instanceof Fault && error.code === 'unauthorized') await countFailure(context, user.id);
    throw error;
  }
  await settle(context, user!);
  return user!;
}

function refuseLocked(settings: ComplianceSettings, user: User): void {
  if (!isLocked(settings, user)) return;
  throw new Fault('authenticationFailed', { detail: `The account is locked for user: ${user.id}.` });
}

/** Whether the number of failures was reached, however long ago. */
function hasFailed(settings: ComplianceSettings, { failed_logins, options }: User): boolean {
  const most = settings['security_compliance.lockout_failure_attempts'];
  return most > 0 && failed_logins >= most && !options.ignore_lockout_failure_attempts;
}

function isLocked(settings: ComplianceSettings, user: User): boolean {
  const duration = settings['security_compliance.lockout_duration'];
  if (!hasFailed(settings, user)) return false;
  return duration === 0 || Date.parse(user.failed_login_at) + duration * 1000 > Date.now();
}

async function countFailure({ store, settings }: IdentityContext, id: string): Promise<void> {
  if (settings['security_compliance.lockout_failure_attempts'] === 0) return;
  await store.transaction(async (trx) => {
    const user = await trx.users.find({ id });
    if (!user || isLocked(settings, user)) return;
    // A lock that has ended is forgotten.
    const failed_logins = hasFailed(settings, user) ? 1 : user.failed_logins + 1;
    await trx.users.update({ id }, { failed_logins, failed_login_at: new Date().toISOString() });
  });
}

/** After a right password. Others may have locked the account while it was checked. */
async function settle({ store, settings }: IdentityContext, { id, last_active_at, failed_logins }: User): Promise<void> {
  const day = today();
  const locks = settings['security_compliance.lockout_failure_attempts'] > 0;
  const marks = settings['security_compliance.disable_user_account_days_inactive'] > 0 && last_active_at !== day;
  if (!locks && !marks) return;
  if (locks && !marks && failed_logins === 0) {
    const user = await store.users.find({ id });
    if (user) refuseLocked(settings, user);
    return;
  }
  await store.transaction(async (trx) => {
    const user = await trx.users.find({ id });
    if (!user) throw new Fault('unauthorized');
    refuseLocked(settings, user);
    await trx.users.update({ id }, { failed_logins: 0, ...(marks && { last_active_at: day }) });
  });
}
