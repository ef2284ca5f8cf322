/** JSON bodies, whatever media type names them: well-formed, not too deep, and with numbers that arrive as they were sent. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import { faultOfNumbers } from './exact-json.ts';
import { faultOfSize } from './json-size.ts';

type Done = (error: Error | null, value?: unknown) => void;

/** Several clients announce JSON on a DELETE that has no body. */
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

/** What is JSON and was refused all the same has a name that JavaScript takes for something else. */
function faultOfNames(body: string): Fault | undefined {
  try {
    JSON.parse(body);
  } catch {
    return undefined;
  }
  return new Fault('badRequest', { detail: "No member may be called '__proto__', nor 'prototype' within a 'constructor'." });
}
