/** HTTP of the provisioning network: boot files, images, agent messages, BMC events. The public API is elsewhere. */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ipaRoutes } from '#agent-protocol/ipa.ts';
import { asFault, Fault } from '#domain/faults.ts';
import { agentRoutes, formerAgentRoutes, imageRoutes } from './agent-routes.ts';
import { bootRoutes } from './boot-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { addressOf, type HttpParts } from './http-requests.ts';
import { ipaImageRoutes, ipaRoutesOf, withoutTokens } from './ipa-routes.ts';
import type { Certificate } from './self-made-certificate.ts';
import { schemaController } from './validation.ts';

const bodyMax = 1024 * 1024;
/** Longer than the longest poll (30 s), and than a disk may stall the agent's reads. */
const idleMs = 300_000;
/** These paths never answer successfully without a token. */
const guardedPaths = /^\/(?:agent\/v2|ipa|ipa-images|redfish-events)\//;

const serverOptions = {
  logger: false,
  bodyLimit: bodyMax,
  exposeHeadRoutes: false,
  forceCloseConnections: true,
  // Parameters are MACs and names; a long one is an attack or a mistake.
  routerOptions: { maxParamLength: 200 },
  connectionTimeout: idleMs,
  requestTimeout: 30_000,
  keepAliveTimeout: 60_000,
  http: { headersTimeout: 10_000 },
  schemaController,
} as const;

/** @param agents which agent routes are served here: `all`, or `images` (or `nothing`) if the rest is on HTTPS */
export function createHttp(parts: HttpParts, agents: 'all' | 'images' | 'nothing'): FastifyInstance {
  const app = fastify(serverOptions);
  proveConnections(app, parts);
  answerFaults(app, parts);
  bootRoutes(app, parts);
  if (agents === 'all') allAgentRoutes(app, parts);
  if (agents !== 'nothing') allImageRoutes(app, parts);
  formerAgentRoutes(app, parts);
  eventRoutes(app, parts);
  return app;
}

/** BMC events, on a separate port: BMCs are on another network and need another certificate than agents. */
export function createEventHttps(parts: HttpParts, certificate: Certificate): FastifyInstance {
  const app = createHttps(parts, certificate);
  eventRoutes(app, parts);
  return app;
}

/** Agent messages and downloads. Boot files are not served here, since iPXE does not know our certificates. */
export function createAgentHttps(parts: HttpParts, certificate: Certificate): FastifyInstance {
  const app = createHttps(parts, certificate);
  allAgentRoutes(app, parts);
  allImageRoutes(app, parts);
  return app;
}

function allAgentRoutes(app: FastifyInstance, parts: HttpParts): void {
  agentRoutes(app, parts);
  ipaRoutesOf(app, parts);
}

function allImageRoutes(app: FastifyInstance, parts: HttpParts): void {
  imageRoutes(app, parts);
  ipaImageRoutes(app, parts);
}

function createHttps(parts: HttpParts, certificate: Certificate): FastifyInstance {
  const app = fastify({ ...serverOptions, https: { ...certificate, ...serverOptions.http, handshakeTimeout: 10_000 } });
  proveConnections(app as unknown as FastifyInstance, parts);
  answerFaults(app as unknown as FastifyInstance, parts);
  return app as unknown as FastifyInstance;
}

function proveConnections(app: FastifyInstance, { onAuthenticated }: HttpParts): void {
  app.addHook('onResponse', async ({ raw, url }, { statusCode }) => {
    if (statusCode < 300 && guardedPaths.test(url)) onAuthenticated?.(raw.socket);
  });
}

function answerFaults(app: FastifyInstance, parts: HttpParts): void {
  app.setErrorHandler((error: Error & { statusCode?: number; validation?: unknown }, request, reply) =>
    answerError(parts, { error, request, reply }),
  );
  const missing = (request: FastifyRequest) => new Fault('notFound', { what: 'Resource', id: shownPath(request) });
  app.setNotFoundHandler((request, reply) => answerError(parts, { error: missing(request), request, reply }));
  // Runs before the body is read.
  app.addHook('onRequest', async (request) => {
    if (request.is404) throw missing(request);
  });
}

type Failed = { error: Error & { statusCode?: number }; request: FastifyRequest; reply: FastifyReply };

/** Machines get the status and one sentence; internal errors are only logged. */
async function answerError(parts: HttpParts, { error, request, reply }: Failed): Promise<FastifyReply> {
  const { status, text } = describe(error);
  const path = shownPath(request);
  if (status >= 500) parts.log.error({ err: error, url: path }, 'request of a machine failed');
  // The engine has already logged one line; one per request would defeat the rate limit.
  if (status === 429) return reply.code(status).header('retry-after', '60').type('application/json').send({ error: text });
  const subject = `${request.method} ${path}`;
  const address = addressOf(request);
  const mac = await parts.addresses.machineAt(address);
  parts.report({
    kind: 'http',
    ...(mac && { mac }),
    address,
    subject,
    message: `${subject} was answered with ${status}: ${text}`,
    duration_ms: Math.round(reply.elapsedTime),
    data: { status },
  });
  return reply.code(status).type('application/json').send(errorBody(request, text));
}

/** Without the tokens of subscriptions and agents, which are part of a path. */
function shownPath({ url }: FastifyRequest): string {
  const [path = ''] = url.split('?');
  return withoutTokens(path.slice(0, 400).replace(/^(\/redfish-events\/).+/, '$1…')).slice(0, 200);
}

/** Ironic's agent prints the `faultstring`. */
function errorBody({ url }: FastifyRequest, text: string): object {
  if (!url.startsWith(`${ipaRoutes.api}/`)) return { error: text };
  return { error_message: { faultcode: 'Client', faultstring: text, debuginfo: null } };
}

function describe(error: Error & { statusCode?: number }): { status: number; text: string } {
  if (error instanceof Fault && error.code !== 'internal') return { status: error.status, text: error.message };
  const status = error.statusCode ?? asFault(error).status;
  return status < 500 ? { status, text: error.message } : { status: 500, text: 'unexpected error; see the log of Ingot' };
}
