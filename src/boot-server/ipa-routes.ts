/**
 * What Ironic's own agent (IPA) asks of Ironic's API, for machines that booted for a running operation: the token in the
 * path is that of their kernel line. Errors have the shape that IPA reads.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { heartbeatMax, IpaHeartbeat, IpaLookup, ipaApiVersion, ipaRoutes } from '#agent-protocol/ipa.ts';
import { type HttpParts, reportsOf, requesterOf } from './http-requests.ts';
import { sendFile } from './send-file.ts';
import { compileValidator } from './validation.ts';

type Of<P> = { Params: P };
type WithToken = Of<{ token: string }>;

export function ipaRoutesOf(app: FastifyInstance, parts: HttpParts): void {
  const { engine } = parts;
  app.register(
    async (scope) => {
      const ipa = scope.withTypeProvider<TypeBoxTypeProvider>().setValidatorCompiler(compileValidator);
      // Checked before the body is read: requests without a token or over the rate limit cost nothing.
      ipa.addHook<WithToken>('onRequest', async (request) => {
        await engine.agentAdmit(request.params.token, await requesterOf(parts, request), 'hello');
      });
      for (const path of ['/', '/v1', '/v1/']) ipa.get(path, async () => rootDocument);
      ipa.get<WithToken & { Querystring: IpaLookup }>('/v1/lookup', { schema: { querystring: IpaLookup } }, async (request) =>
        engine.ipaLookup(request.params.token, request.query, await requesterOf(parts, request)),
      );
      ipa.post<Of<{ token: string; node: string }> & { Body: IpaHeartbeat }>(
        '/v1/heartbeat/:node',
        { bodyLimit: heartbeatMax, schema: { body: IpaHeartbeat } },
        async (request, reply) => {
          const heartbeat = { ...request.body, node_uuid: request.params.node };
          await engine.ipaHeartbeat(request.params.token, heartbeat, await requesterOf(parts, request));
          return reply.code(202).send();
        },
      );
    },
    { prefix: `${ipaRoutes.api}/:token` },
  );
}

const version = { id: 'v1', version: ipaApiVersion, min_version: ipaApiVersion, status: 'CURRENT', links: [] };
/** IPA reads the version, up to which it sends what it knows. */
const rootDocument = { name: 'OpenStack Ironic API', versions: [version], default_version: version };

type ImageRequest = FastifyRequest<Of<{ id: string; token: string }>>;

/** Images for IPA, also on the plain HTTP listener unless the site requires HTTPS. */
export function ipaImageRoutes(app: FastifyInstance, parts: HttpParts): void {
  app.get(`${ipaRoutes.images}/:id/:token`, (request: ImageRequest, reply) => sendImage(parts, request, reply));
}

async function sendImage(parts: HttpParts, request: ImageRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { id, token } = request.params;
  const subject = `${ipaRoutes.images}/${id}`;
  await parts.engine.agentImage(token, subject, await requesterOf(parts, request));
  const { path } = await parts.images.disk(id);
  return sendFile(request, reply, { path, ...reportsOf(parts, request, { subject }) });
}

/** `/ipa/<token>/v1/lookup` and `/ipa-images/<id>/<token>` without the token. */
export function withoutTokens(path: string): string {
  return path.replace(/^\/ipa\/[^/]+/, '/ipa/…').replace(/^(\/ipa-images\/[^/]*\/).+/, '$1…');
}
