/** Identity providers, mappings and protocols in requests and replies. */
import { Type } from 'typebox';
import type { FederationMapping, FederationProtocol, IdentityProvider } from '#store/tables/federation.ts';
import { Maybe, Nullable } from '../http/schemas.ts';
import { type ViewCall, viewOf } from '../http/view.ts';
import { selfLink } from './links.ts';

const closed = { additionalProperties: false };
const text = Type.String();
const Id = Type.String({ minLength: 1, maxLength: 64 });
const Value = Type.String({ maxLength: 255 });
const Values = Type.Array(Value, { maxItems: 500 });

export const providers = '/OS-FEDERATION/identity_providers';
export const mappings = '/OS-FEDERATION/mappings';

const ttlMost = 525_600;
const changeable = {
  enabled: Type.Optional(Type.Boolean()),
  description: Maybe(Type.String({ maxLength: 4096 })),
  authorization_ttl: Maybe(Type.Integer({ minimum: 0, maximum: ttlMost })),
  remote_ids: Maybe(Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 50, uniqueItems: true })),
};
export const NewProvider = Type.Object({ ...changeable, domain_id: Maybe(Id) }, closed);
export const ProviderChanges = Type.Object(changeable, { ...closed, minProperties: 1 });

/** As the links of Keystone: of a provider to its protocols. */
const ProviderLinks = Type.Object({ self: text, protocols: text });
export const providerView = viewOf<IdentityProvider>()({
  id: { type: text, value: ({ id }) => id },
  domain_id: { type: text, value: ({ domain_id }) => domain_id },
  enabled: { type: Type.Boolean(), value: ({ enabled }) => enabled },
  description: { type: Nullable(text), value: ({ description }) => description },
  remote_ids: { type: Type.Array(text), value: ({ remote_ids }) => remote_ids },
  authorization_ttl: { type: Nullable(Type.Integer()), value: ({ authorization_ttl }) => authorization_ttl },
  links: {
    type: ProviderLinks,
    value: ({ id }, { request, context }: ViewCall) => {
      const { self } = selfLink(context, request, `${providers}/${encodeURIComponent(id)}`);
      return { self, protocols: `${self}/protocols` };
    },
  },
});

const NamedDomain = Type.Object({ id: Type.Optional(Value), name: Type.Optional(Value) }, closed);
const Group = Type.Union([Type.Object({ id: Value }, closed), Type.Object({ name: Value, domain: NamedDomain }, closed)]);
const User = Type.Object(
  {
    ...{ id: Type.Optional(Value), name: Type.Optional(Value), email: Type.Optional(Value) },
    type: Type.Optional(Type.Literal('ephemeral')),
  },
  closed,
);
const Local = Type.Object(
  {
    ...{ user: Type.Optional(User), group: Type.Optional(Group), domain: Type.Optional(NamedDomain) },
    ...{ groups: Type.Optional(Value), group_ids: Type.Optional(Value) },
  },
  closed,
);
const regex = Type.Optional(Type.Boolean());
const condition = (name: string) => Type.Object({ type: Value, [name]: Values, regex } as { type: typeof Value }, closed);
const Remote = Type.Union([
  Type.Object({ type: Value }, closed),
  ...['any_one_of', 'not_any_of', 'whitelist', 'blacklist'].map(condition),
]);
const Rule = Type.Object(
  { local: Type.Array(Local, { maxItems: 50 }), remote: Type.Array(Remote, { minItems: 1, maxItems: 50 }) },
  closed,
);
/** Other versions of the schema have what is not here. */
export const MappingFields = Type.Object(
  { rules: Type.Array(Rule, { minItems: 1, maxItems: 100 }), schema_version: Type.Optional(Type.Literal('1.0')) },
  closed,
);

const AnyRule = Type.Object({ local: Type.Array(Type.Unknown()), remote: Type.Array(Type.Unknown()) });
export const mappingView = viewOf<FederationMapping>()({
  id: { type: text, value: ({ id }) => id },
  rules: {
    type: Type.Array(AnyRule),
    value: ({ rules }) => rules.map(({ local, remote }) => ({ local: [...local], remote: [...remote] })),
  },
  schema_version: { type: text, value: () => '1.0' },
  links: {
    type: Type.Object({ self: text }),
    value: ({ id }, { request, context }: ViewCall) => selfLink(context, request, `${mappings}/${encodeURIComponent(id)}`),
  },
});

const remote_id_attribute = Maybe(Type.String({ maxLength: 64 }));
export const NewProtocol = Type.Object({ mapping_id: Id, remote_id_attribute }, closed);
export const ProtocolChanges = Type.Object(
  { mapping_id: Type.Optional(Id), remote_id_attribute },
  { ...closed, minProperties: 1 },
);
export const protocolView = viewOf<FederationProtocol>()({
  id: { type: text, value: ({ id }) => id },
  mapping_id: { type: text, value: ({ mapping_id }) => mapping_id },
  remote_id_attribute: {
    type: text,
    when: ({ remote_id_attribute: attribute }) => attribute !== null,
    value: ({ remote_id_attribute: attribute }) => attribute ?? '',
  },
  links: {
    type: Type.Object({ self: text, identity_provider: text }),
    value: ({ idp_id, id }, { request, context }: ViewCall) => {
      const provider = selfLink(context, request, `${providers}/${encodeURIComponent(idp_id)}`).self;
      return { self: `${provider}/protocols/${encodeURIComponent(id)}`, identity_provider: provider };
    },
  },
});
