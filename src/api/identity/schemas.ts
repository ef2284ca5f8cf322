/** Schemas that many replies of Keystone have in common. */
import { Type } from 'typebox';
import { Nullable } from '../http/schemas.ts';

export const SelfLink = Type.Object({ self: Type.String() });
export const CollectionLinks = Type.Object({
  self: Type.String(),
  previous: Type.Null(),
  next: Nullable(Type.String()),
});
/** Resource options, of which Ingot has none. */
export const NoOptions = Type.Object({}, { additionalProperties: false });
export const NoTags = Type.Array(Type.String(), { maxItems: 0 });
export const Named = Type.Object({ id: Type.String(), name: Type.String() });
export const InDomain = Type.Object({ id: Type.String(), name: Type.String(), domain: Named });
