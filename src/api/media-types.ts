/** What clients call their JSON: the services that they were written for read it by whatever name, or none. */
import type { FastifyRequest } from 'fastify';

const json = 'application/json';
/** curl's default, what some HTTP libraries put in where nothing was said, and the types of RFC 6902 and 7396. */
const otherNames = /^(application\/x-www-form-urlencoded|text\/plain|application\/[\w.-]+\+json)\s*(;|$)/i;

/** An onRequest hook. Image data says what it is: an image is not to be read as JSON. Where there is no route, nothing is read. */
export async function readMediaType({ raw: { headers }, is404, routeOptions: { url } }: FastifyRequest): Promise<void> {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody || is404 || url?.endsWith('/file')) return;
  // Some clients send all the types that a service takes; each of them would do.
  const [first = ''] = (headers['content-type'] ?? '').split(',');
  headers['content-type'] = first.trim() === '' || otherNames.test(first) ? json : first;
}
