/**
 * A published schema as it is at one microversion, made strict. The documents leave every object open and no field
 * required, so that an empty object would be valid; here each object has exactly the fields that are published for the
 * version. Fields that a service omits, or has in addition, are rows of `exceptions.ts`.
 */
export type JsonSchema = { readonly [keyword: string]: unknown };
type Components = Readonly<Record<string, JsonSchema>>;
type Limits = { 'min-ver'?: string; 'max-ver'?: string };

const componentPrefix = '#/components/schemas/';
/** Notes for people and tools, which say nothing of a value. */
const notes = new Set(['description', 'x-openstack', 'examples', 'example', 'default', 'readOnly', 'writeOnly', 'name', 'links']);
/** The formats of the documents that JSON Schema has. */
const formats = new Set(['uuid', 'date-time', 'uri', 'ipv4', 'ipv6']);

export function schemaAt(schema: JsonSchema, components: Components, version: string | undefined): JsonSchema {
  const at = (part: JsonSchema): JsonSchema => schemaAt(part, components, version);
  if (schema['$ref'] !== undefined) return at(resolved(schema, components));
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (notes.has(keyword)) continue;
    if (keyword === 'format' && !formats.has(String(value))) continue;
    // Of an earlier JSON Schema, as are duplicates in `enum`.
    if (keyword === 'exclusiveMinimum' && value === true) continue;
    if (keyword === 'required') continue;
    result[keyword] = rewritten(keyword, value, { at, version });
  }
  return closed(result);
}

/** The component that a schema refers to, or itself. */
export function resolved(schema: JsonSchema, components: Components): JsonSchema {
  const reference = schema['$ref'];
  if (typeof reference !== 'string') return schema;
  return components[reference.slice(componentPrefix.length)] ?? missing(reference);
}

function rewritten(
  keyword: string,
  value: unknown,
  { at, version }: { at: (part: JsonSchema) => JsonSchema; version: string | undefined },
): unknown {
  if (keyword === 'enum') return [...new Set(value as unknown[])];
  if (keyword === 'properties' || keyword === 'patternProperties') {
    const rows = Object.entries(value as Record<string, JsonSchema>).filter(([, part]) => holdsAt(part, version));
    return Object.fromEntries(rows.map(([name, part]) => [name, at(part)]));
  }
  if (Array.isArray(value) && ['oneOf', 'anyOf', 'allOf'].includes(keyword))
    return value.filter((part) => holdsAt(part, version)).map(at);
  const isSchema = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isSchema ? at(value as JsonSchema) : value;
}

/** Each published field is there, and no other. */
function closed(schema: Record<string, unknown>): JsonSchema {
  const { properties } = schema;
  if (properties === undefined) return schema;
  const isMap = typeof schema['additionalProperties'] === 'object' || schema['patternProperties'] !== undefined;
  return {
    ...schema,
    required: Object.keys(properties as object),
    ...(!isMap && { additionalProperties: false }),
  };
}

function holdsAt(part: JsonSchema, version: string | undefined): boolean {
  const limits = part['x-openstack'] as Limits | undefined;
  if (version === undefined || limits === undefined) return true;
  const minor = minorOf(version);
  return minor >= minorOf(limits['min-ver'] ?? '0.0') && minor <= minorOf(limits['max-ver'] ?? '0.9999');
}

/** Every microversion at which something begins, and the one after which something ends. */
export function versionsIn(content: unknown): string[] {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const limits = (value as { 'x-openstack'?: Limits })['x-openstack'];
    for (const edge of ['min-ver', 'max-ver'] as const) {
      const version = limits?.[edge];
      if (typeof version === 'string') found.add(version).add(next(version, edge === 'min-ver' ? -1 : 1));
    }
    for (const part of Object.values(value)) visit(part);
  };
  visit(content);
  return [...found].toSorted((left, right) => minorOf(left) - minorOf(right));
}

export function minorOf(version: string): number {
  return Number(version.split('.')[1]);
}

function next(version: string, step: number): string {
  return `${version.split('.')[0]}.${minorOf(version) + step}`;
}

function missing(reference: string): never {
  throw new Error(`the document has no ${reference}`);
}
