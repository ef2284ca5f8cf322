/** Schemas that many replies of Keystone have in common. */
import { Type } from 'typebox';
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
export const Tag = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' });
export const Tags = Type.Array(Type.String());
export const TagFields = Type.Array(Tag, { maxItems: 80, uniqueItems: true });
export const Named = Type.Object({ id: Type.String(), name: Type.String() });
export const InDomain = Type.Object({ id: Type.String(), name: Type.String(), domain: Named });
