/** The body of a login. */
import { type Static, type TSchema, Type } from 'typebox';
import { longestPassword } from '#services/identity/passwords.ts';

const Name = Type.String({ maxLength: 255 });
const Secret = Type.String({ maxLength: longestPassword });
const Domain = Type.Object({ id: Type.Optional(Name), name: Type.Optional(Name) });
const Named = Type.Object({ id: Type.Optional(Name), name: Type.Optional(Name), domain: Type.Optional(Domain) });
const optional = <T extends TSchema>(schema: T) => Type.Optional(schema);

const Scope = Type.Union([
  Type.String(),
  Type.Object({
    project: optional(Named),
    domain: optional(Domain),
    system: optional(Type.Object({ all: optional(Type.Boolean()) })),
    'OS-TRUST:trust': optional(Type.Object({ id: optional(Name) })),
    unscoped: optional(Type.Unknown()),
  }),
]);

export const Login = Type.Object({
  identity: Type.Object({
    methods: Type.Array(Type.String(), { minItems: 1 }),
    password: optional(Type.Object({ user: Type.Intersect([Named, Type.Object({ password: Secret })]) })),
    token: optional(Type.Object({ id: Type.String() })),
    totp: optional(Type.Object({ user: Type.Intersect([Named, Type.Object({ passcode: Type.String({ maxLength: 64 }) })]) })),
    application_credential: optional(
      Type.Object({ id: optional(Name), name: optional(Name), secret: Secret, user: optional(Named) }),
    ),
  }),
  scope: optional(Scope),
});
export type Login = Static<typeof Login>;
