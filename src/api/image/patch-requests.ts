/** PATCH requests in the media types that Glance defines for its JSON patch. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ApiScope } from '../context.ts';
import { jsonParser } from '../http/json-body.ts';

const mediaTypes = ['application/openstack-images-v2.1-json-patch', 'application/openstack-images-v2.0-json-patch'];
const operationNames = ['add', 'replace', 'remove'];

/** Applies to routes registered after it. */
export function readPatchRequests(app: ApiScope): void {
  app.addContentTypeParser<string>(mediaTypes, { parseAs: 'string' }, jsonParser(app));
  app.addHook('onRequest', adviseMediaTypes);
  app.addHook('preValidation', nameOperations);
}

/** RFC 5789, 2.2: a 415 response lists the accepted media types. */
async function adviseMediaTypes({ method }: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (method === 'PATCH') reply.header('accept-patch', mediaTypes.join(', '));
}

/** The older media type names an operation by a member: `{"replace": "/name", "value": "a"}`. */
async function nameOperations(request: FastifyRequest): Promise<void> {
  if (request.method === 'PATCH' && Array.isArray(request.body)) request.body = request.body.map(namedOperation);
}

function namedOperation(operation: unknown): unknown {
  if (typeof operation !== 'object' || operation === null || 'op' in operation) return operation;
  const { value, ...named } = operation as Record<string, unknown>;
  const [[op, path] = [], ...more] = Object.entries(named);
  const isOne = more.length === 0 && operationNames.some((name) => name === op);
  return isOne ? { op, path, ...('value' in operation && { value }) } : operation;
}
