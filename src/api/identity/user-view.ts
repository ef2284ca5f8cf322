/** How users are shown, and by what they are listed. */
import { Type } from 'typebox';
import { isOneOf } from '#store/conditions.ts';
import type { User } from '#store/tables/users.ts';
import { type ListFields, textField } from '../http/list.ts';
import { viewOf } from '../http/view.ts';
import { selfLink } from './links.ts';
import { isSet } from './query-flags.ts';
import { SelfLink, UserOptions } from './schemas.ts';

export const userView = viewOf<User>()({
  id: { type: Type.String(), value: ({ id }) => id },
  name: { type: Type.String(), value: ({ name }) => name },
  domain_id: { type: Type.String(), value: ({ domain_id }) => domain_id },
  enabled: { type: Type.Boolean(), value: ({ enabled }) => enabled },
  password_expires_at: { type: Type.Null(), value: () => null },
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
};
