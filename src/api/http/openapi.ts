/** OpenAPI 3.1 documents from rows, one for each service; versions and policies as `x-openstack` extensions. */
import type { TSchema } from 'typebox';
import { formatVersion, type VersionRange } from './microversions.ts';
import type { Row } from './route.ts';
import { spanOf, type VersionSpan } from './versioned.ts';

export type ServiceDocument = {
  /** For people: `Compute`. */
  readonly title: string;
  /** The path before those of the rows: `/compute/v2.1`. */
  readonly prefix: string;
  readonly rows: readonly Row[];
  readonly versions?: VersionRange | undefined;
  /** The URL of the API as this client reaches it. */
  readonly server: string;
  /** Whether a name and a secret in the request do instead of a token. */
  readonly takesBasic?: true | undefined;
};

type Json = Record<string, unknown>;

export function openApiDocument({ title, prefix, rows, versions, server, takesBasic }: ServiceDocument): Json {
  const operations = [...Map.groupBy(rows, ({ method, path }) => `${method} ${path}`).values()];
  const paths: Record<string, Json> = {};
  for (const group of operations) {
    const [{ method, path }] = group as [Row];
    const shown = path.replace(/:(\w+)/g, '{$1}');
    paths[shown] = { ...paths[shown], [method.toLowerCase()]: operationOf(group, versions) };
  }
  return {
    openapi: '3.1.0',
    info: { title: `${title} API of Ingot`, version: versions ? formatVersion(versions.max) : '1' },
    servers: [{ url: `${server}${prefix}` }],
    security: [{ token: [] }, ...(takesBasic ? [{ basic: [] }] : [])],
    paths,
    components: componentsOf({ versions, takesBasic }),
  };
}

function componentsOf({ versions, takesBasic }: Pick<ServiceDocument, 'versions' | 'takesBasic'>): Json {
  const range = versions && `from ${formatVersion(versions.min)} (default) to ${formatVersion(versions.max)}, or latest`;
  return {
    securitySchemes: {
      token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token', description: 'A token of the identity service.' },
      ...(takesBasic && {
        basic: { type: 'http', scheme: 'basic', description: 'A user, or an application credential by its id.' },
      }),
    },
    schemas: { Error: { type: 'object', description: "The error in the service's own format." } },
    responses: {
      Error: { description: 'An error.', content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } },
    },
    parameters: versions
      ? {
          version: {
            name: 'OpenStack-API-Version',
            in: 'header',
            description: `\`${versions.type} VERSION\`: ${range}.`,
            schema: { type: 'string' },
          },
        }
      : {},
  };
}

function operationOf(group: readonly Row[], versions: VersionRange | undefined): Json {
  const [first] = group as [Row];
  const isPublic = typeof first.policy !== 'string';
  return {
    operationId: `${first.method.toLowerCase()}${first.path.replaceAll('/', '-').replaceAll(':', '_')}`,
    summary: group.length === 1 ? first.summary : [...new Set(group.map(({ summary }) => summary))].join('; '),
    tags: [first.path.split('/')[1] || 'root'],
    parameters: parametersOf(group, versions),
    ...bodyOf(group, versions),
    responses: { ...repliesOf(group, versions), default: { $ref: '#/components/responses/Error' } },
    ...(isPublic && { security: [] }),
    ...(group.length === 1 && extensionOf(first, versions)),
    ...(group.length > 1 && { 'x-openstack': { variants: group.map((row) => factsOf(row, versions)) } }),
  };
}

/** What a row says besides its schemas. */
function factsOf(row: Row, versions: VersionRange | undefined): Json {
  return {
    ...(row.action !== undefined && { 'action-name': row.action }),
    ...rangeOf(row, versions),
    policy: typeof row.policy === 'string' ? row.policy : null,
    ...(row.unsupported !== undefined && { supported: false }),
  };
}

function extensionOf(row: Row, versions: VersionRange | undefined): Json {
  return { 'x-openstack': factsOf(row, versions) };
}

function rangeOf({ since, until }: VersionSpan, versions: VersionRange | undefined): Json {
  const { major } = versions?.min ?? { major: 1 };
  return {
    ...(since !== undefined && { 'min-ver': `${major}.${since}` }),
    ...(until !== undefined && { 'max-ver': `${major}.${until}` }),
  };
}

function parametersOf(group: readonly Row[], versions: VersionRange | undefined): Json[] {
  const [first] = group as [Row];
  const names = [...first.path.matchAll(/:(\w+)/g)].flatMap(([, name]) => name ?? []);
  const { properties: limits = {} } = (first.params ?? {}) as { properties?: Record<string, TSchema> };
  const inPath = names.map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: schemaOf(limits[name] ?? { type: 'string' }, versions),
  }));
  const queries = group.flatMap(({ query }) =>
    Object.entries((query as { properties?: Record<string, TSchema> } | undefined)?.properties ?? {}),
  );
  const inQuery = [...new Map(queries)].map(([name, schema]) => ({ name, in: 'query', schema: schemaOf(schema, versions) }));
  const header = versions ? [{ $ref: '#/components/parameters/version' }] : [];
  return [...inPath, ...inQuery, ...header];
}

function bodyOf(group: readonly Row[], versions: VersionRange | undefined): Json {
  const withBody = group.filter(({ body }) => body !== undefined);
  if (withBody.length === 0) return {};
  const schema = variantsOf(withBody, (row) => row.body as TSchema, versions);
  return { requestBody: { required: withBody.length === group.length, content: { 'application/json': { schema } } } };
}

function repliesOf(group: readonly Row[], versions: VersionRange | undefined): Json {
  const byStatus = Map.groupBy(group, ({ status = 200 }) => String(status));
  return Object.fromEntries(
    [...byStatus].map(([status, rows]) => {
      const withReply = rows.filter(({ reply }) => reply !== undefined);
      const schema = withReply.length > 0 && variantsOf(withReply, (row) => row.reply as TSchema, versions);
      const description = rows.every(({ unsupported }) => unsupported) ? 'Not supported.' : 'Success.';
      return [status, { description, ...(schema && { content: { 'application/json': { schema } } }) }];
    }),
  );
}

/** One schema, or one of several that the version or the action selects. */
function variantsOf(rows: readonly Row[], part: (row: Row) => TSchema, versions: VersionRange | undefined): Json {
  if (rows.length === 1) return schemaOf(part(rows[0] as Row), versions);
  const discriminator = rows.some(({ action }) => action !== undefined) ? 'action' : 'microversion';
  return {
    oneOf: rows.map((row) => ({ ...schemaOf(part(row), versions), 'x-openstack': factsOf(row, versions) })),
    'x-openstack': { discriminator },
  };
}

/** A copy without TypeBox's hidden properties; marks of versions become `x-openstack`. */
function schemaOf(schema: unknown, versions: VersionRange | undefined): Json {
  return plain(schema, versions) as Json;
}

function plain(value: unknown, versions: VersionRange | undefined): unknown {
  if (Array.isArray(value)) return value.map((each) => plain(each, versions));
  if (typeof value !== 'object' || value === null) return value;
  const span = spanOf(value);
  const entries = Object.entries(value).filter(([key]) => key !== 'x-since' && key !== 'x-until');
  const isMarked = span.since !== undefined || span.until !== undefined;
  return {
    ...Object.fromEntries(entries.map(([key, each]) => [key, plain(each, versions)])),
    ...(isMarked && { 'x-openstack': rangeOf(span, versions) }),
  };
}
