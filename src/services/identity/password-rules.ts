/** The rules of passwords and accounts, as of Keystone's `[security_compliance]`: all are off unless a setting says otherwise. */
import { runInNewContext } from 'node:vm';
import { Fault } from '#domain/faults.ts';
import type { User } from '#store/tables/users.ts';
import type { IdentityContext } from './context.ts';
import type { LoginClient } from './login-guard.ts';
import type { ComplianceSettings } from './settings.ts';

const dayMs = 24 * 3600 * 1000;
/** Of the only thread. An expression that takes longer for a password does not match it. */
const matchMs = 50;

/**
 * Whether the expression matches at the start, as in Keystone. It is the operator's, but the password is anyone's: an
 * expression whose time grows exponentially must not stop everything else.
 */
export function matchesExpression(expression: string, password: string): boolean {
  const values = { source: `^(?:${expression})`, password };
  try {
    return runInNewContext("new RegExp(source, 'u').test(password)", values, { timeout: matchMs });
  } catch {
    return false;
  }
}

/** @throws Fault `badRequest` */
export function checkStrength(settings: ComplianceSettings, password: string): void {
  const expression = settings['security_compliance.password_regex'];
  if (expression === '' || matchesExpression(expression, password)) return;
  const why = settings['security_compliance.password_regex_description'] || 'ask the operator of the cloud';
  throw new Fault('badRequest', { detail: `The password does not match the requirements: ${why}.` });
}

/** A password that an administrator has set may be changed at once. @throws Fault `badRequest` */
export function checkAge(settings: ComplianceSettings, { password_by_user, password_changed_at }: User): void {
  const days = settings['security_compliance.minimum_password_age'];
  const left = Date.parse(password_changed_at) + days * dayMs - Date.now();
  if (days === 0 || !password_by_user || !(left > 0)) return;
  const why = 'You cannot change your password at this time due to the minimum password age.';
  const rule = `Once you change your password, it must be used for ${days} day(s) before it can be changed.`;
  const remedy = `Please try again in ${Math.floor(left / dayMs)} day(s) or contact your administrator to reset your password.`;
  throw new Fault('badRequest', { detail: `${why} ${rule} ${remedy}` });
}

type Renewal = { readonly user: User; readonly password: string };

/** @throws Fault `badRequest` if it is one of the latest passwords of the user */
export async function checkHistory(context: IdentityContext, client: LoginClient, { user, password }: Renewal): Promise<void> {
  const count = context.settings['security_compliance.unique_last_password_count'];
  const latest = count === 0 ? [] : [...user.former_passwords, user.password_hash].slice(-count);
  for (const hash of latest) {
    if (!(await context.logins.isSame(client, password, hash))) continue;
    const rule = 'The new password cannot be identical to a previous password.';
    const total = `The total number which includes the new password must be unique is ${count}.`;
    throw new Fault('badRequest', { detail: `${rule} ${total}` });
  }
}

export type NewPassword = {
  readonly password_hash: string;
  /** The user, with the options that are set together with the password. */
  readonly user: User;
  readonly by: 'user' | 'administrator';
};

/** What changes with a password. */
export function renewed(settings: ComplianceSettings, { password_hash, user, by }: NewPassword): Partial<User> {
  const now = Date.now();
  const kept = settings['security_compliance.unique_last_password_count'] - 1;
  const former = user.password_hash === '' ? [] : [...user.former_passwords, user.password_hash];
  return {
    password_hash,
    password_changed_at: new Date(now).toISOString(),
    password_by_user: by === 'user',
    password_expires_at: expiryOf(settings, { user, by, now }),
    former_passwords: kept > 0 ? former.slice(-kept) : [],
  };
}

type Moment = Pick<NewPassword, 'user' | 'by'> & { readonly now: number };

function expiryOf(settings: ComplianceSettings, { user: { options }, by, now }: Moment): string | null {
  const mustChange = settings['security_compliance.change_password_upon_first_use'] && by === 'administrator';
  if (mustChange && !options.ignore_change_password_upon_first_use) return new Date(now).toISOString();
  const days = settings['security_compliance.password_expires_days'];
  if (days === 0 || options.ignore_password_expiry) return null;
  return new Date(Math.floor((now + days * dayMs) / 1000) * 1000).toISOString();
}

/** @throws Fault `authenticationFailed` */
export function refuseExpired({ id, password_expires_at, options }: User): void {
  if (password_expires_at === null || options.ignore_password_expiry || Date.parse(password_expires_at) > Date.now()) return;
  throw new Fault('authenticationFailed', { detail: `The password is expired and needs to be changed for user: ${id}.` });
}

/** Without an hour, as in Keystone. */
export const today = () => new Date().toISOString().slice(0, 10);

/**
 * Who has not logged in by a password for too long counts as disabled. Those of a directory never do. The administrator
 * of the settings stays enabled.
 */
export function isActive(settings: ComplianceSettings, user: User): boolean {
  const days = settings['security_compliance.disable_user_account_days_inactive'];
  const since = user.last_active_at || user.created_at.slice(0, 10);
  if (days === 0 || user.origin !== 'local' || since === '' || user.is_admin || user.options.ignore_user_inactivity) return true;
  return Date.parse(today()) - Date.parse(since) < days * dayMs;
}
