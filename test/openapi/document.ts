/**
 * The published OpenAPI documents of OpenStack's services: data of another project, in a folder beside this one
 * (`../shared/openstack-openapi`, or the one that REFEREE_OPENAPI names, for bin/check INGOT_OPENAPI). Without it the
 * tests that need them are skipped.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { type JsonSchema, resolved, schemaAt, versionsIn } from './schema-at-version.ts';

const root = resolve(import.meta.dirname, '../..');
export const documentFolder = resolve(root, process.env['REFEREE_OPENAPI'] ?? '../shared/openstack-openapi');

const documentTable = {
  compute: { file: 'compute-v2.96.yaml', prefix: '/compute' },
  network: { file: 'network-v2.yaml', prefix: '/network' },
  identity: { file: 'identity-v3.14.yaml', prefix: '/identity' },
  image: { file: 'image-v2.16.yaml', prefix: '/image' },
} as const;
export type DocumentedService = keyof typeof documentTable;

type Operation = { responses?: Record<string, { content?: Record<string, { schema?: JsonSchema }> }> };
type Content = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema>; parameters?: Record<string, unknown> };
};

/** The reason to skip, or undefined where the document is there. */
export function isAbsent(service: DocumentedService): string | undefined {
  const file = join(documentFolder, documentTable[service].file);
  return existsSync(file) ? undefined : `the published OpenAPI documents are absent: ${file}`;
}

export class ApiDocument {
  readonly #content: Content;
  readonly #prefix: string;

  constructor(service: DocumentedService) {
    const { file, prefix } = documentTable[service];
    this.#content = parse(readFileSync(join(documentFolder, file), 'utf8'));
    this.#prefix = prefix;
  }

  /** The path of the document for a URL or a route of ours (`/compute/v2.1/flavors/1` → `/v2.1/flavors/{id}`). */
  pathOf(url: string): string | undefined {
    const [path = ''] = url.split('?');
    if (!path.startsWith(`${this.#prefix}/`)) return undefined;
    const parts = path.slice(this.#prefix.length).split('/');
    const fits = Object.keys(this.#content.paths).filter((candidate) => matches(candidate.split('/'), parts));
    return fits.toSorted((left, right) => literals(right) - literals(left))[0];
  }

  /** The schema of a reply's body at a microversion; undefined if none is published. */
  replySchema(method: string, path: string, { action, version }: { action?: string | undefined; version?: string | undefined }) {
    const { schemas } = this.#content.components;
    const published = this.#published(method, path).map((schema) => resolved(schema, schemas));
    const schema = published.find((each) => actionOf(each) === action) ?? published.find((each) => actionOf(each) === undefined);
    return schema && Object.keys(schema['properties'] ?? {}).length > 0 ? schemaAt(schema, schemas, version) : undefined;
  }

  /** Whether the fields of a reply to this request are published. */
  hasReply(method: string, path: string): boolean {
    return this.replySchema(method, path, {}) !== undefined;
  }

  /** Every microversion at which something in the document begins, and the one after which something ends. */
  versions(): string[] {
    return versionsIn(this.#content);
  }

  /** Of every success: many documents give 200 where the service replies 201 or 202. One schema per action. */
  #published(method: string, path: string): JsonSchema[] {
    const { responses = {} } = this.#content.paths[path]?.[method.toLowerCase()] ?? {};
    return Object.entries(responses).flatMap(([status, { content }]) => {
      const schema = status.startsWith('2') ? content?.['application/json']?.schema : undefined;
      return schema === undefined ? [] : ((schema['oneOf'] as JsonSchema[] | undefined) ?? [schema]);
    });
  }
}

const actionOf = (schema: JsonSchema) => (schema['x-openstack'] as { 'action-name'?: string } | undefined)?.['action-name'];
const isParameter = (part: string) => /^[{:]/.test(part);
const matches = (candidate: readonly string[], parts: readonly string[]) =>
  candidate.length === parts.length && candidate.every((part, index) => isParameter(part) || part === parts[index]);
const literals = (path: string) => path.split('/').filter((part) => !isParameter(part)).length;
