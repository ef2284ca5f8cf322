/** Which methods a login needs: the option `multi_factor_auth_rules` of a user, as in Keystone. */
import type { UserOptions } from '#store/tables/users.ts';

/** Methods by which a login proves an identity. */
export const methodNames = ['password', 'token', 'application_credential', 'totp'] as const;
export type MethodName = (typeof methodNames)[number];

/** The rules in force: those of which some method exists, without the methods that do not; none = one method will do. */
export function rulesOf({ multi_factor_auth_enabled = true, multi_factor_auth_rules = [] }: UserOptions): string[][] {
  if (!multi_factor_auth_enabled) return [];
  const known = multi_factor_auth_rules.map((rule) => rule.filter((method) => methodNames.some((name) => name === method)));
  return known.filter((rule) => rule.length > 0);
}

export function isEnough(options: UserOptions, methods: readonly string[]): boolean {
  const rules = rulesOf(options);
  return rules.length === 0 || rules.some((rule) => rule.every((method) => methods.includes(method)));
}
