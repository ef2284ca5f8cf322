/** Schemas that many replies of Keystone have in common. */
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { Maybe, Nullable } from '../http/schemas.ts';

export const SelfLink = Type.Object({ self: Type.String() });
export const CollectionLinks = Type.Object({
  self: Type.String(),
  previous: Type.Null(),
  next: Nullable(Type.String()),
});
/** Options of domains, projects and roles. */
export const ResourceOptions = Type.Object({ immutable: Type.Optional(Type.Boolean()) }, { additionalProperties: false });
export const OptionFields = Type.Object({ immutable: Maybe(Type.Boolean()) }, { additionalProperties: false });
const flag = Type.Optional(Type.Boolean());
const flags = {
  ...{ ignore_change_password_upon_first_use: flag, ignore_password_expiry: flag, ignore_lockout_failure_attempts: flag },
  ...{ ignore_user_inactivity: flag, lock_password: flag, multi_factor_auth_enabled: flag },
};
const FactorRules = Type.Array(Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 8, uniqueItems: true }), {
  ...{ maxItems: 16, uniqueItems: true },
});
export const UserOptions = Type.Object(
  { ...flags, multi_factor_auth_rules: Type.Optional(FactorRules) },
  { additionalProperties: false },
);
const nullableFlags = Object.fromEntries(Object.keys(flags).map((name) => [name, Maybe(Type.Boolean())])) as {
  [Name in keyof typeof flags]: ReturnType<typeof Maybe<ReturnType<typeof Type.Boolean>>>;
};
export const UserOptionFields = Type.Object(
  { ...nullableFlags, multi_factor_auth_rules: Maybe(FactorRules) },
  { additionalProperties: false },
);
/** Of a domain or project, in a request. */
export const Id = Type.String({ minLength: 1, maxLength: 64, pattern: '^[a-zA-Z0-9-]+$' });
export const Tag = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' });
export const Tags = Type.Array(Type.String());
export const TagFields = Type.Array(Tag, { maxItems: 80, uniqueItems: true });
export const Named = Type.Object({ id: Type.String(), name: Type.String() });
export const InDomain = Type.Object({ id: Type.String(), name: Type.String(), domain: Named });

/** What is changed keeps its id; a request may repeat it. @throws Fault `badRequest` */
export function refuseNewId(fields: object, id: string): void {
  const given = (fields as { readonly id?: unknown }).id;
  if (given !== undefined && given !== id) throw new Fault('badRequest', { detail: 'Cannot change ID' });
}
