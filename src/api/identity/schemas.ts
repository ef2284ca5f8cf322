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
/** Options of users, of which Ingot has none. */
export const NoOptions = Type.Object({}, { additionalProperties: false });
export const Tag = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,/]*$' });
export const Tags = Type.Array(Type.String());
export const TagFields = Type.Array(Tag, { maxItems: 80, uniqueItems: true });
export const Named = Type.Object({ id: Type.String(), name: Type.String() });
export const InDomain = Type.Object({ id: Type.String(), name: Type.String(), domain: Named });
