/** Schemas that requests and replies of several services have in common. */
import { type TSchema, Type } from 'typebox';

export const Nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
/** May be absent or null. */
export const Maybe = <S extends TSchema>(schema: S) => Type.Optional(Nullable(schema));

export const Link = Type.Object({ rel: Type.String(), href: Type.String() });
export const Links = Type.Array(Link);

/** `limit` and `marker` of a list. */
export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Type.String()),
};
