/** Compares a reply with the published schema: each difference is one finding, unless a row of `exceptions.ts` has it. */
import { Compile } from 'typebox/schema';
import type { ApiDocument } from './document.ts';
import type { Exception } from './exception.ts';
import { type JsonSchema, minorOf } from './schema-at-version.ts';

/** `at`: a JSON pointer with `*` for a place in an array. */
export type Finding = { operation: string; at: string; what: 'missing' | 'unknown' | 'wrong'; detail: string; version: string };

export type SeenReply = {
  method: string;
  url: string;
  status: number;
  body: unknown;
  version?: string | undefined;
  /** Of a request to `…/action`. */
  action?: string | undefined;
};

type SchemaError = { keyword: string; instancePath: string; message: string; params: Record<string, unknown> };

export class ReplyCheck {
  readonly #document: ApiDocument;
  readonly #exceptions: readonly Exception[];
  readonly #used = new Set<Exception>();
  readonly #findings = new Map<string, Finding>();
  readonly #operations = new Set<string>();
  readonly #schemas = new Map<string, JsonSchema | undefined>();
  readonly #validators = new Map<string, ReturnType<typeof Compile>>();

  constructor(document: ApiDocument, exceptions: readonly Exception[]) {
    this.#document = document;
    this.#exceptions = exceptions;
  }

  /** A reply that reports no success, or whose body is not published, is not compared. */
  add(reply: SeenReply): void {
    const path = this.#document.pathOf(reply.url);
    if (path === undefined || reply.status >= 300) return;
    const validator = this.#validator(reply, path);
    if (!validator) return;
    const operation = `${reply.method} ${path}`;
    this.#operations.add(operation);
    const [, errors] = validator.Errors(reply.body);
    for (const error of errors as SchemaError[])
      for (const difference of differencesOf(error, reply.body))
        this.#note({ operation, version: reply.version ?? 'any', ...difference });
  }

  /** An operation that Ingot does not support, or of which there is nothing to compare. */
  skip({ method, url }: Pick<SeenReply, 'method' | 'url'>): void {
    this.#operations.add(`${method} ${this.#document.pathOf(url)}`);
  }

  /** Differences without a row, one line each. */
  findings(): string[] {
    return [...this.#findings.values()].map(
      ({ operation, at, what, detail, version }) => `${operation} ${at} ${what} ${detail} (first at ${version})`,
    );
  }

  /** Rows for a difference that no longer exists. */
  unused(): Exception[] {
    return this.#exceptions.filter((row) => !this.#used.has(row));
  }

  /** Operations of which a reply was compared, or which are not supported. */
  operations(): ReadonlySet<string> {
    return this.#operations;
  }

  #note(finding: Finding): void {
    const known = this.#exceptions.filter((row) => isExcused(row, finding));
    for (const row of known) this.#used.add(row);
    const key = `${finding.operation} ${finding.at} ${finding.what}`;
    if (known.length === 0 && !this.#findings.has(key)) this.#findings.set(key, finding);
  }

  /** Compiled once for all the versions at which the schema is the same. */
  #validator({ method, version, action }: SeenReply, path: string) {
    const key = `${method} ${path} ${action} ${version}`;
    if (!this.#schemas.has(key)) this.#schemas.set(key, this.#document.replySchema(method, path, { action, version }));
    const schema = this.#schemas.get(key);
    if (!schema) return undefined;
    const text = JSON.stringify(schema);
    const made = this.#validators.get(text) ?? Compile(schema);
    this.#validators.set(text, made);
    return made;
  }
}

function differencesOf({ keyword, instancePath, message, params }: SchemaError, body: unknown) {
  const at = (name = '') => `${instancePath}${name && `/${name}`}`.replace(/\/\d+(?=\/|$)/g, '/*');
  if (keyword === 'required')
    return (params['requiredProperties'] as string[]).map((name) => ({ at: at(name), what: 'missing' as const, detail: '' }));
  if (keyword === 'additionalProperties')
    return (params['additionalProperties'] as string[]).map((name) => ({ at: at(name), what: 'unknown' as const, detail: '' }));
  // Said of the field itself already.
  if (keyword === 'boolean') return [];
  return [{ at: at(), what: 'wrong' as const, detail: `${message}: ${JSON.stringify(valueAt(body, instancePath))}` }];
}

function valueAt(body: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce((value, name) => (value as Record<string, unknown> | undefined)?.[name], body);
}

function isExcused(row: Exception, { operation, at, what, version, detail }: Finding): boolean {
  if (what !== row.what || !detail.includes(row.says ?? '') || !isWithin(row, version)) return false;
  return fits(row.operation ?? '**', operation) && [row.at].flat().some((one) => fits(one, at));
}

function isWithin({ since = '0.0', until = '0.9999' }: Exception, version: string): boolean {
  return version === 'any' || (minorOf(version) >= minorOf(since) && minorOf(version) <= minorOf(until));
}

/** `*`: one name; `**`: anything. */
function fits(pattern: string, text: string): boolean {
  const source = pattern.split('**').map((part) => part.split('*').map(RegExp.escape).join('[^/]*'));
  return new RegExp(`^${source.join('.*')}$`).test(text);
}
