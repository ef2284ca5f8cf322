/** Parses JSON bodies of any media type: well-formed, limited depth, numbers not changed by parsing. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { faultOfSize } from '#domain/json-size.ts';
import { faultOfNumbers } from './exact-json.ts';

type Done = (error: Error | null, value?: unknown) => void;

/** Several clients send a JSON content type on a DELETE without a body. */
export function jsonParser(app: Pick<FastifyInstance, 'getDefaultJsonParser'>) {
  const parse = app.getDefaultJsonParser('error', 'error');
  return (request: FastifyRequest, body: string, done: Done): void => {
    if (body === '') done(null, undefined);
    else
      void parse(request, body, (error, value) => {
        if (error) done(faultOfNames(body) ?? error);
        else done(faultOfSize(value) ?? faultOfNumbers(body), value);
      });
  };
}

/** Valid JSON that was rejected contains a key with a special meaning in JavaScript. */
function faultOfNames(body: string): Fault | undefined {
  try {
    JSON.parse(body);
  } catch {
    return undefined;
  }
  return new Fault('badRequest', { detail: "No member may be called '__proto__', nor 'prototype' within a 'constructor'." });
}
