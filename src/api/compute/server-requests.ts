/** What requests about servers may contain, by microversion. */
import { Type } from 'typebox';
import { longestPersonalityPath, mostPersonality, personalityCharacters } from '#services/compute/server-files.ts';
import { longestTag, mostTags, tagPattern } from '#services/compute/server-tags.ts';
import { somethingVisible } from '../http/printable-text.ts';
import { Maybe } from '../http/schemas.ts';
import { since, until } from '../http/versioned.ts';

const Unvalidated = Type.Optional(Type.Unknown());
const Whole = Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Type.String({ pattern: '^[1-9][0-9]*$' })]));
/** Ids, names, addresses: the maximum length of Nova's columns. */
const Word = Type.String({ maxLength: 255 });

/** User data (64 KiB), five files of 10 KiB in base64, and 128 pairs of metadata, whose letters may be escaped. */
export const serverBodyBytes = 256 * 1024;

/** Each key has its own route, so it must be valid in a path. */
export const Metadata = Type.Record(Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }), Type.String({ maxLength: 255 }), {
  additionalProperties: false,
});
/** As nova/api/validation/parameter_types.py has it. */
export const Tags = Type.Array(Type.String({ minLength: 1, maxLength: longestTag, pattern: tagPattern }), { maxItems: mostTags });
/** Surrounding blanks are trimmed, so there must be something between them. */
const ServerName = Type.String({ minLength: 1, maxLength: 255, pattern: somethingVisible });
const Description = since(19, Maybe(Type.String({ maxLength: 255 })));
const Hostname = Type.Optional(Type.String({ pattern: '^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$' }));
const DomainName = Type.Optional(Type.String({ pattern: '^[a-zA-Z0-9._-]*$', minLength: 1, maxLength: 255 }));
const UserData = Maybe(Type.String({ maxLength: 65535 }));
const Personality = until(
  56,
  Type.Optional(
    Type.Array(
      Type.Object(
        {
          path: Type.String({ minLength: 1, maxLength: longestPersonalityPath }),
          contents: Type.String({ maxLength: personalityCharacters }),
        },
        { additionalProperties: false },
      ),
      { maxItems: mostPersonality },
    ),
  ),
);

const NetworkRequest = Type.Object(
  { uuid: Type.Optional(Word), port: Type.Optional(Word), fixed_ip: Type.Optional(Word), tag: Unvalidated },
  { additionalProperties: false },
);
const newServer = (hostname: typeof Hostname) =>
  Type.Object(
    {
      name: ServerName,
      imageRef: Type.Optional(Word),
      flavorRef: Type.Union([Type.String({ minLength: 1, maxLength: 255 }), Type.Integer()]),
      key_name: Maybe(Word),
      user_data: UserData,
      metadata: Type.Optional(Metadata),
      networks: Type.Optional(
        Type.Union([Type.Literal('auto'), Type.Literal('none'), Type.Array(NetworkRequest, { maxItems: 64 })]),
      ),
      min_count: Whole,
      max_count: Whole,
      availability_zone: Type.Optional(Word),
      host: since(74, Type.Optional(Word)),
      hypervisor_hostname: since(74, Type.Optional(Word)),
      hostname: since(90, hostname),
      personality: Personality,
      description: Description,
      config_drive: Type.Optional(Type.Union([Type.Boolean(), Word])),
      block_device_mapping_v2: Type.Optional(Type.Array(Type.Record(Word, Type.Unknown()), { maxItems: 255 })),
      security_groups: Type.Optional(Type.Array(Type.Object({ name: Word }), { maxItems: 64 })),
      'OS-DCF:diskConfig': Type.Optional(Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')])),
      return_reservation_id: Unvalidated,
      block_device_mapping: Unvalidated,
      adminPass: Unvalidated,
      accessIPv4: Unvalidated,
      accessIPv6: Unvalidated,
      tags: since(52, Type.Optional(Tags)),
      trusted_image_certificates: since(63, Unvalidated),
    },
    { additionalProperties: false },
  );
const Hints = Type.Optional(Type.Record(Type.String(), Type.Unknown()));

const newServerBody = (hostname: typeof Hostname) =>
  Type.Object({ server: newServer(hostname), 'os:scheduler_hints': Hints, 'OS-SCH-HNT:scheduler_hints': Hints });

export const NewServerBody = newServerBody(Hostname);
/** From 2.94 on the hostname can be a domain name. */
export const NewServerWithDomainBody = newServerBody(DomainName);

export const ServerChange = Type.Object({
  server: Type.Object({
    name: Type.Optional(ServerName),
    description: Description,
    hostname: since(90, Type.Optional(Type.String())),
    'OS-DCF:diskConfig': Type.Optional(Type.String()),
  }),
});

export const RebuildBody = Type.Object({
  rebuild: Type.Object(
    {
      imageRef: Type.String({ minLength: 1 }),
      name: Type.Optional(ServerName),
      metadata: Type.Optional(Metadata),
      personality: Personality,
      preserve_ephemeral: Type.Optional(Type.Boolean()),
      description: Description,
      key_name: since(54, Maybe(Type.String())),
      user_data: since(57, UserData),
      'OS-DCF:diskConfig': Unvalidated,
      adminPass: Unvalidated,
      accessIPv4: Unvalidated,
      accessIPv6: Unvalidated,
      hostname: since(90, Unvalidated),
      trusted_image_certificates: since(63, Unvalidated),
    },
    { additionalProperties: false },
  ),
});

const Text = Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())]));

export const ServerQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Type.String()),
  sort_key: Text,
  sort_dir: Text,
  all_tenants: Text,
  name: Text,
  status: Text,
  image: Text,
  flavor: Text,
  ip: Text,
  ip6: Text,
  uuid: Text,
  host: Text,
  node: Text,
  hostname: Text,
  description: Text,
  availability_zone: Text,
  key_name: Text,
  project_id: Text,
  tenant_id: Text,
  user_id: Text,
  vm_state: Text,
  task_state: Text,
  locked: Text,
  tags: since(26, Text),
  'tags-any': since(26, Text),
  'not-tags': since(26, Text),
  'not-tags-any': since(26, Text),
  deleted: Text,
  'changes-since': Text,
  'changes-before': since(66, Text),
});
