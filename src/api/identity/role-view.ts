/** How roles are shown. */
import { Type } from 'typebox';
import type { Role } from '#store/tables/roles.ts';
import { Nullable } from '../http/schemas.ts';
import { viewOf } from '../http/view.ts';
import { selfLink } from './links.ts';
import { ResourceOptions, SelfLink } from './schemas.ts';

const brief = {
  id: { type: Type.String(), value: ({ id }: Role) => id },
  name: { type: Type.String(), value: ({ name }: Role) => name },
} as const;

export const roleView = viewOf<Role>()({
  ...brief,
  domain_id: { type: Nullable(Type.String()), value: ({ domain_id }) => domain_id || null },
  description: { type: Type.String(), value: ({ description }) => description },
  options: { type: ResourceOptions, value: ({ options }) => options },
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, `/roles/${id}`) },
});

/** A role in a rule of which role implies which. */
export const linkedView = viewOf<Role>()({
  ...brief,
  links: { type: SelfLink, value: ({ id }, { request, context }) => selfLink(context, request, `/roles/${id}`) },
});
