/** Values that a JSON schema allows, with the names and ids that a cloud knows: most of them get past the first check. */
import { pick, type Roll } from './dice.ts';
import { mutateJson } from './json-mutations.ts';

export type JsonSchema = {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
};

export type Words = {
  /** An id of the resource that a property of this name refers to; undefined: it refers to none. */
  idFor(property: string, roll: Roll): string | undefined;
};

type Maker = { readonly roll: Roll; readonly words: Words };

/** @param name of the property that will have the value; `''` for a whole body */
export function makeValue(schema: JsonSchema, name: string, maker: Maker): unknown {
  const { roll } = maker;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return pick(schema.enum, roll);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return makeValue(pick(choices, roll), name, maker);
  const type = typeof schema.type === 'string' ? schema.type : pick(schema.type ?? ['any'], roll);
  switch (type) {
    case 'object':
      return objectOf(schema, maker);
    case 'array':
      return arrayOf(schema, name, maker);
    case 'string':
      return stringOf(schema, name, maker);
    case 'integer':
    case 'number':
      return numberOf(schema, roll);
    case 'boolean':
      return roll(2) === 0;
    case 'null':
      return null;
    default:
      return anything(name, maker);
  }
}

function objectOf({ properties = {}, patternProperties = {}, required = [] }: JsonSchema, maker: Maker): object {
  const { roll } = maker;
  // Some requests set nearly everything, most only a little of it.
  const oneIn = roll(6) === 0 ? 1 : 4;
  const chosen = Object.entries(properties).filter(([key]) => required.includes(key) || roll(oneIn) === 0);
  const named = chosen.map(([key, schema]) => [key, makeValue(schema, key, maker)]);
  const free = Object.values(patternProperties).flatMap((schema) =>
    Array.from({ length: roll(3) }, () => [pick(freeKeys, roll), makeValue(schema, 'value', maker)]),
  );
  return Object.fromEntries([...named, ...free]);
}

const freeKeys = [
  'a',
  'key',
  'role',
  'capabilities',
  'cpus',
  'memory_mb',
  'local_gb',
  'resources:CUSTOM_A',
  'trait:CUSTOM_A',
  'hw_x',
];

function arrayOf({ items = {}, minItems = 0, maxItems = 3 }: JsonSchema, name: string, maker: Maker): unknown[] {
  if (Array.isArray(items)) return items.map((item) => makeValue(item, name, maker));
  const length = Math.min(maxItems, minItems + maker.roll(3));
  return Array.from({ length }, () => makeValue(items as JsonSchema, name, maker));
}

function numberOf({ minimum = 0, maximum = minimum + 70_000 }: JsonSchema, roll: Roll): number {
  const kind = roll(4);
  if (kind === 0) return minimum;
  if (kind === 1) return maximum;
  return Math.min(maximum, minimum + roll(kind === 2 ? 10 : 5_000));
}

function anything(name: string, maker: Maker): unknown {
  const { roll } = maker;
  const kind = roll(4);
  if (kind === 0) return null;
  if (kind === 1) return {};
  return kind === 2 ? stringOf({}, name, maker) : mutateJson('', roll);
}

function stringOf({ pattern, minLength = 0 }: JsonSchema, name: string, { roll, words }: Maker): string {
  const known = roll(8) === 0 ? undefined : (words.idFor(name, roll) ?? wordFor(name, roll));
  const fits = matcherOf(pattern);
  if (known !== undefined && fits.test(known)) return known;
  const candidates = texts.filter((text) => fits.test(text) && text.length >= minLength);
  return candidates.length > 0 ? pick(candidates, roll) : 'x'.repeat(minLength);
}

const matchers = new Map<string, RegExp>();

function matcherOf(pattern = ''): RegExp {
  const known = matchers.get(pattern) ?? new RegExp(pattern, 'u');
  matchers.set(pattern, known);
  return known;
}

const octet = (roll: Roll) => roll(256);
const mac = (roll: Roll) => `52:54:00:${[0, 0, 0].map(() => octet(roll).toString(16).padStart(2, '0')).join(':')}`;
const address = (roll: Roll) => `10.${roll(4)}.${roll(2)}.${octet(roll)}`;
const moment = (roll: Roll) =>
  `20${20 + roll(20)}-0${1 + roll(9)}-1${roll(10)}T00:00:00${pick(['Z', '', '.000000', '.000000Z'], roll)}`;

/** By the end of a property's name. */
const wordTable: readonly (readonly [end: RegExp, word: (roll: Roll) => string])[] = [
  [
    /cidr|prefix|remote_ip_prefix|destination|addresses$/,
    (roll) => `10.${roll(64)}.${octet(roll)}.0/${pick([24, 25, 28, 30, 31, 32], roll)}`,
  ],
  [/mac(_address)?$|^address$/, mac],
  [/ip|start|end|nexthop|nameservers$/, address],
  [/(_at|since|before|until)$/, moment],
  [/password$/, () => 'a long password'],
  [/name$/, (roll) => `name-${roll(40)}`],
  [/driver$/, () => 'fake-hardware'],
  [/protocol$/, (roll) => pick(['tcp', 'udp', 'icmp', '6'], roll)],
  [/ethertype$/, (roll) => pick(['IPv4', 'IPv6'], roll)],
  [/disk_format$/, () => 'raw'],
  [/container_format$/, () => 'bare'],
  [/url|href|link/, (roll) => `https://192.0.2.${octet(roll)}/path`],
  [
    /path$/,
    (roll) => pick(['/name', '/extra/a', '/properties/cpus', '/description', '/driver_info/ipmi_address', '/min_disk'], roll),
  ],
  [/port$/, (roll) => String(1 + roll(65_535))],
  [/version$/, (roll) => String(4 + 2 * roll(2))],
];

function wordFor(name: string, roll: Roll): string | undefined {
  return wordTable.find(([end]) => end.test(name))?.[1](roll);
}

const texts = [
  ...[
    '',
    'a',
    'x'.repeat(255),
    'x'.repeat(256),
    '日本語',
    'None',
    'true',
    '-1',
    '0',
    '1',
    '80',
    '4000000000',
    'CUSTOM_A',
    'HW_CPU_X86_VMX',
  ],
  ...[
    '00000000-0000-4000-8000-000000000000',
    '0'.repeat(32),
    'not-a-uuid',
    'default',
    'admin',
    'member',
    'reader',
    'public',
    'private',
  ],
  ...[
    '52:54:00:00:00:01',
    '10.1.0.7',
    '2001:db8::7',
    '0.0.0.0/0',
    '::/0',
    '10.1.0.0/24',
    '2001:db8::/64',
    'fe80::1',
    '255.255.255.255',
  ],
  ...[
    '2030-01-01T00:00:00Z',
    'https://192.0.2.1/x',
    'file:///etc/passwd',
    '/',
    '/name',
    '/extra',
    '/a~1b',
    'YQ==',
    'manage',
    'provide',
    'active',
  ],
  ...[
    'power on',
    'rebooting',
    'deploy',
    'erase_devices',
    'raw',
    'pxe',
    'disk',
    'nova',
    'compute',
    'ssh-ed25519 AAAA x',
    '__proto__',
    'constructor',
  ],
];
