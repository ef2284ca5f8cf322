/**
 * Validates what machines send against the TypeBox schema of the route. As TypeBoxValidatorCompiler does, whose module
 * also loads ajv with its formats.
 */
import type { FastifySchemaCompiler, FastifyServerOptions } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Value } from 'typebox/value';
import { lazily } from '#async/lazily.ts';

/** Query strings and path parameters are text and are converted first; bodies must have the right types. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = lazily(() => Compile(schema));
  return (value: unknown) => {
    const converted = httpPart === 'body' ? value : Value.Convert(schema, value);
    return check().Check(converted) ? { value: converted } : { error: check().Errors(converted) };
  };
};

/** Without it Fastify loads ajv and fast-json-stringify; its types know validators of ajv alone. */
export const schemaController = {
  compilersFactory: { buildValidator: () => compileValidator, buildSerializer: () => () => JSON.stringify },
} as unknown as NonNullable<FastifyServerOptions['schemaController']>;
