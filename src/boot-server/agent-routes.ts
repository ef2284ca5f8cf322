/**
 * Server side of agent-protocol/messages.ts. Every request carries a token that identifies its operation, and must come
 * from the address that the operation is bound to. If HTTPS is enabled, messages are accepted on that listener only.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { bodyMax, Hello, Log, Next, Progress, Result } from '#agent-protocol/messages.ts';
import { agentProtocol, formerRoutes, routes } from '#agent-protocol/routes.ts';
import { Fault } from '#domain/faults.ts';
import { type HttpParts, reportsOf, requesterOf } from './http-requests.ts';
import { sendFile } from './send-file.ts';
import { compileValidator } from './validation.ts';

const longestPollSeconds = 30;

export function agentRoutes(app: FastifyInstance, parts: HttpParts): void {
  const { engine } = parts;
  app.register(async (scope) => {
    const agent = scope.withTypeProvider<TypeBoxTypeProvider>().setValidatorCompiler(compileValidator);
    // Checked before the body is read: requests without a token or over the rate limit cost nothing.
    agent.addHook('onRequest', async (request) => {
      const message = request.routeOptions.url === routes.hello ? 'hello' : 'other';
      await engine.agentAdmit(tokenOf(request), await requesterOf(parts, request), message);
    });

    agent.post(routes.hello, { bodyLimit: bodyMax.hello, schema: { body: Hello }, attachValidation: true }, async (request) => {
      if (request.validationError) throw await refusal(parts, request, request.validationError);
      return engine.agentHello(tokenOf(request), request.body, await requesterOf(parts, request));
    });
    agent.post(routes.next, { bodyLimit: bodyMax.next, schema: { body: Next } }, async (request, reply) => {
      const seconds = Math.min(Math.max(request.body.wait_seconds, 0), longestPollSeconds);
      const command = await engine.agentNext(tokenOf(request), seconds * 1000, hangUpOf(reply));
      return command ?? reply.code(204).send();
    });
    agent.post(routes.progress, { bodyLimit: bodyMax.progress, schema: { body: Progress } }, async (request, reply) => {
      await engine.agentProgress(tokenOf(request), request.body);
      return reply.code(204).send();
    });
    agent.post(routes.result, { bodyLimit: bodyMax.result, schema: { body: Result } }, async (request, reply) => {
      await engine.agentResult(tokenOf(request), request.body);
      return reply.code(204).send();
    });
    agent.post(routes.log, { bodyLimit: bodyMax.log, schema: { body: Log } }, async (request, reply) => {
      await engine.agentLog(tokenOf(request), request.body.lines);
      return reply.code(204).send();
    });
    agent.get(routes.configDrive, async (request, reply) => {
      const path = await engine.agentConfigDrive(tokenOf(request));
      const subject = routes.configDrive;
      return sendFile(request, reply, { path, ...reportsOf(parts, request, { subject }) });
    });
  });
}

/** A malformed hello may come from another agent version; that fails the operation with the reason. */
async function refusal(parts: HttpParts, request: FastifyRequest, error: Error): Promise<Error> {
  const { protocol } = (request.body ?? {}) as { protocol?: unknown };
  if (protocol === agentProtocol) return Object.assign(error, { statusCode: 400 });
  return parts.engine.agentOutdated(tokenOf(request), await requesterOf(parts, request));
}

/** Image downloads, also on the plain HTTP listener unless the site requires HTTPS. */
export function imageRoutes(app: FastifyInstance, parts: HttpParts): void {
  app.get<{ Params: { id: string } }>(`${routes.images}/:id`, (request, reply) => sendImage(parts, request, reply));
}

/** Routes of the first agent protocol, which only an outdated ramdisk calls. */
export function formerAgentRoutes(app: FastifyInstance, { engine, ...parts }: HttpParts): void {
  // Runs before the body is read; its content does not matter.
  const onRequest = async (request: FastifyRequest) =>
    void (await engine.agentOutdated(tokenOf(request), await requesterOf(parts, request)));
  app.post(`${formerRoutes}/hello`, { onRequest }, async (_, reply) => reply.code(204).send());
}

type ImageRequest = FastifyRequest<{ Params: { id: string } }>;

async function sendImage(parts: HttpParts, request: ImageRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { id } = request.params;
  const subject = `${routes.images}/${id}`;
  await parts.engine.agentImage(tokenOf(request), subject, await requesterOf(parts, request));
  const { path } = await parts.images.extents(id);
  return sendFile(request, reply, { path, ...reportsOf(parts, request, { subject }) });
}

function tokenOf(request: FastifyRequest): string {
  const [, token] = /^Bearer (\S{1,200})$/i.exec(request.headers.authorization ?? '') ?? [];
  if (token === undefined) throw new Fault('unauthorized');
  return token;
}

function hangUpOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}
