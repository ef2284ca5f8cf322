/** How users are shown, and by what they are listed. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { isActive } from '#services/identity/password-rules.ts';
import { allOf, type Condition, compares, isEqual, isNot, isOneOf } from '#store/conditions.ts';
import type { User } from '#store/tables/users.ts';
import { type ListFields, textField } from '../http/list.ts';
import { Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { selfLink } from './links.ts';
import { isSet } from './query-flags.ts';
import { SelfLink, UserOptions } from './schemas.ts';

/** Without a time zone, as in Keystone. */
export function shownExpiry({ password_expires_at }: Pick<User, 'password_expires_at'>): string | null {
  return password_expires_at?.replace('Z', '000') ?? null;
}

export const userView = viewOf<User>()({
  id: { type: Type.String(), value: ({ id }) => id },
  name: { type: Type.String(), value: ({ name }) => name },
  domain_id: { type: Type.String(), value: ({ domain_id }) => domain_id },
  enabled: { type: Type.Boolean(), value: (user, { context }) => user.enabled && isActive(context.settings, user) },
  password_expires_at: { type: Nullable(Type.String()), value: shownExpiry },
  options: { type: UserOptions, value: ({ options }) => options },
  default_project_id: {
    type: Type.String(),
    when: ({ project_id }) => project_id !== '',
    value: ({ project_id }) => project_id,
  },
  description: { type: Type.String(), when: ({ description }) => description !== '', value: ({ description }) => description },
  email: { type: Type.String(), when: ({ email }) => email !== '', value: ({ email }) => email },
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, `/users/${id}`) },
});
export const userFields: ListFields = {
  name: textField('name'),
  domain_id: textField('domain_id'),
  enabled: { filter: (values) => isOneOf('enabled', values.map(isSet)), sort: ['enabled'] },
  password_expires_at: { filter: ([value = '']) => expiresAt(value) },
};

const comparisons = { lt: '<', lte: '<=', gt: '>', gte: '>=' } as const;

/** `lt:2030-01-01T00:00:00Z`, or a time alone. Passwords that never expire match nothing. */
function expiresAt(text: string): Condition {
  const [, operator = 'eq', time = ''] = /^(?:(\w{2,3}):)?(.*)$/s.exec(text) ?? [];
  const at = Date.parse(/([zZ]|[+-]\d\d:?\d\d)$/.test(time) ? time : `${time}Z`);
  if (Number.isNaN(at)) throw new Fault('badRequest', { detail: wrongTime });
  const value = new Date(at).toISOString();
  const is = isEqual('password_expires_at', value);
  if (operator === 'eq') return is;
  if (operator === 'neq') return allOf(isNot(is), isNot(isEqual('password_expires_at', null)));
  if (!Object.hasOwn(comparisons, operator))
    throw new Fault('badRequest', {
      detail: `The given operator ${operator} is not valid. It must be one of the following: 'eq', 'neq', 'lt', 'lte', 'gt', or 'gte'.`,
    });
  return compares('password_expires_at', comparisons[operator as keyof typeof comparisons], value);
}

const wrongTime =
  'Timestamp not in expected format. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.';
