/** `/v1/nodes/{node}/vendor_passthru`: methods of the vendor interface. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { plainJson } from '#domain/plain-text.ts';
import { maskUrlSecrets } from '#domain/url-secrets.ts';
import { findNode } from '#services/baremetal/lookup.ts';
import type { ApiContext } from '../context.ts';
import { route } from './policy.ts';
import { AnyQuery } from './strict-requests.ts';

const methods = ['GET', 'POST', 'PUT', 'DELETE'] as const;
const paths = ['/nodes/:node/vendor_passthru', '/nodes/:node/vendor_passthru/:method'] as const;

export const nodePassthruRoutes = [
  route({
    method: 'GET',
    path: '/nodes/:node/vendor_passthru/methods',
    policy: 'baremetal:node:vendor_passthru',
    summary: 'List the vendor methods of a node',
    reply: Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown())),
    async handler(request, context) {
      const { uuid } = await findNode(context, request.params.node);
      const found = Object.entries(await context.engine.vendorMethods(uuid));
      return Object.fromEntries(found.map(([name, { help, http }]) => [name, describe(help, http)]));
    },
  }),
  ...paths.flatMap((path) =>
    methods.map((method) =>
      route({
        method,
        path,
        policy: 'baremetal:node:vendor_passthru',
        summary: 'Call a vendor method of a node',
        query: AnyQuery,
        // A method without a result has no body: 204.
        reply: Type.Unknown(),
        handler: callMethod,
      }),
    ),
  ),
];

function describe(description: string, http_methods: readonly string[]) {
  const require_exclusive_lock = !http_methods.includes('GET');
  return { description, http_methods, async: false, attach: false, require_exclusive_lock };
}

async function callMethod(request: FastifyRequest, context: ApiContext, reply: FastifyReply): Promise<unknown> {
  const { node: ident, method: named } = request.params as { node: string; method?: string };
  const { method = named, ...query } = request.query as Record<string, unknown>;
  if (typeof method !== 'string') throw new Fault('badRequest', { detail: 'Method not specified' });
  const { uuid } = await findNode(context, ident);
  const parameters = { ...query, ...readParameters(request.body) } as JsonObject;
  const http = request.method === 'HEAD' ? 'GET' : request.method;
  const answer = await context.engine.callVendor(uuid, { method, http, parameters });
  if (answer === null) return reply.code(204).send();
  return reply.type('application/json').send(JSON.stringify(plainJson(answer, maskUrlSecrets)));
}

function readParameters(body: unknown): object {
  if (body === undefined || body === null || (Buffer.isBuffer(body) && body.length === 0)) return {};
  if (typeof body !== 'object' || Array.isArray(body))
    throw new Fault('badRequest', { detail: 'The body must be a JSON object.' });
  return body;
}
