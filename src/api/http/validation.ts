/** Validates requests against the TypeBox schema of the route; the error names the field and the expected value. */
import type { FastifySchemaCompiler, FastifyServerOptions } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Value } from 'typebox/value';
import { lazily } from '#async/lazily.ts';
import { Fault } from '#domain/faults.ts';
import { somethingVisible } from './printable-text.ts';

/** Query strings and path parameters are text and are converted first; bodies must have the right types. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  // Most of some hundred routes are never requested, and compiling all took a third of the start.
  const check = lazily(() => Compile(schema));
  return (value: unknown) => {
    const odd = httpPart === 'body' ? undefined : oddInteger(schema as ObjectSchema, value);
    if (odd) return { error: new Fault('badRequest', { detail: odd }) };
    const converted = httpPart === 'body' ? value : Value.Convert(schema, value);
    if (check().Check(converted)) return { value: converted };
    return { error: new Fault('badRequest', { detail: explain(check().Errors(converted), httpPart) }) };
  };
};

/**
 * For Fastify, which otherwise loads ajv and fast-json-stringify; its types know validators of ajv alone. Replies are
 * serialized as they are.
 */
export const schemaController = {
  compilersFactory: { buildValidator: () => compileValidator, buildSerializer: () => () => JSON.stringify },
} as unknown as NonNullable<FastifyServerOptions['schemaController']>;

type ObjectSchema = { properties?: Readonly<Record<string, { type?: string }>> };

/** Conversion would accept 1.5 as 1 and an empty value as 0. @returns the error */
function oddInteger({ properties = {} }: ObjectSchema, value: unknown): string | undefined {
  for (const [name, text] of Object.entries((value ?? {}) as Record<string, unknown>)) {
    const isInteger = Object.hasOwn(properties, name) && properties[name]?.type === 'integer';
    if (isInteger && !/^[+-]?\d+$/.test(String(text).trim())) return `Expected an integer for ${name}: ${text}`;
  }
  return undefined;
}

type SchemaError = { keyword: string; instancePath: string; message: string; params: object };

/** The deepest error is the most specific: a union reports each of its branches first and itself last. */
function explain(errors: readonly SchemaError[], httpPart = 'request'): string {
  const deepest = errors.reduce<SchemaError | undefined>(
    (best, error) => (best && depth(best) >= depth(error) ? best : error),
    undefined,
  );
  if (!deepest) return `Invalid ${httpPart}.`;
  const same = errors.filter((error) => error.instancePath === deepest.instancePath && error.keyword !== 'anyOf');
  const field = deepest.instancePath.slice(1).replaceAll('/', '.') || httpPart;
  const limits = same.filter(({ keyword }) => keyword in limitTable);
  const said = limits.length > 0 ? limits : same.length > 0 ? same : [deepest];
  const expectations = [...new Set(said.map(expectation))];
  return `Invalid input for field/attribute ${field}: it ${expectations.join(' or ')}.`;
}

function depth(error: SchemaError): number {
  return error.instancePath.split('/').length;
}

function expectation(error: SchemaError): string {
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'required') return `must have ${list(params['requiredProperties'])}`;
  if (error.keyword === 'additionalProperties') return `must not have ${list(params['additionalProperties'])}`;
  if (error.keyword === 'boolean') return 'is not known';
  if (error.keyword === 'enum') return `must be one of ${list(params['allowedValues'])}`;
  if (error.keyword === 'const') return `must be '${params['allowedValue']}'`;
  if (error.keyword === 'pattern' && String(params['pattern']) === somethingVisible)
    return 'must have something that can be seen';
  return limitTable[error.keyword]?.(params) ?? error.message;
}

/** Begins with the words of Python's jsonschema, which OpenStack's clients and tests know. */
const limitTable: Readonly<Record<string, (params: Record<string, unknown>) => string>> = {
  maxLength: ({ limit }) => `is too long (${limit} characters at most)`,
  minLength: ({ limit }) => `is too short (${limit} characters at least)`,
  maxItems: ({ limit }) => `is too long (${limit} items at most)`,
  minItems: ({ limit }) => `is too short (${limit} items at least)`,
  pattern: ({ pattern }) => `does not match '${pattern}'`,
};

function list(names: unknown): string {
  return Array.isArray(names) ? names.map((name) => `'${name}'`).join(', ') : 'other properties';
}
