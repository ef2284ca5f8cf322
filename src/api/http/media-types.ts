/** Media types that clients send for JSON: the original services accept any, or none. */
import type { FastifyRequest } from 'fastify';

const json = 'application/json';
/** curl's default, the defaults of some HTTP libraries, and the types of RFC 6902 and 7396. */
const otherNames = /^(application\/x-www-form-urlencoded|text\/plain|application\/[\w.-]+\+json)\s*(;|$)/i;

/** An onRequest hook. Image data keeps its type, so that it is not parsed as JSON. Without a route, nothing is read. */
export async function readMediaType({ raw: { headers }, is404, routeOptions: { url } }: FastifyRequest): Promise<void> {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody || is404 || url?.endsWith('/file')) return;
  // Some clients send all types that a service accepts; any of them will do.
  const [first = ''] = (headers['content-type'] ?? '').split(',');
  headers['content-type'] = first.trim() === '' || otherNames.test(first) ? json : first;
}
