/** The agent's side of agent-protocol/messages.ts. Every request proves by its token which operation it belongs to. */

import { type TypeBoxTypeProvider, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Hello, Log, Next, Progress, Result } from '#agent-protocol/messages.ts';
import { routes } from '#agent-protocol/routes.ts';
import { Fault } from '#domain/faults.ts';
import type { Operation } from '#domain/records.ts';
import { addressOf, type HttpParts, reportTransfer, whoAsks } from './http-requests.ts';
import { sendFile } from './send-file.ts';

const longestPollSeconds = 30;

export function agentRoutes(app: FastifyInstance, parts: HttpParts): void {
  const { engine } = parts;
  app.register(async (scope) => {
    const agent = scope.withTypeProvider<TypeBoxTypeProvider>().setValidatorCompiler(TypeBoxValidatorCompiler);
    // Before the body is read: who has no token costs us nothing.
    agent.addHook('onRequest', async (request) => void (await engine.agentOperation(tokenOf(request))));

    agent.post(routes.hello, { schema: { body: Hello } }, (request) =>
      engine.agentHello(tokenOf(request), request.body, addressOf(request)),
    );
    agent.post(routes.next, { schema: { body: Next } }, async (request, reply) => {
      const seconds = Math.min(Math.max(request.body.wait_seconds, 0), longestPollSeconds);
      const command = await engine.agentNext(tokenOf(request), seconds * 1000, hangUpOf(reply));
      return command ?? reply.code(204).send();
    });
    agent.post(routes.progress, { schema: { body: Progress } }, async (request, reply) => {
      await engine.agentProgress(tokenOf(request), request.body);
      return reply.code(204).send();
    });
    agent.post(routes.result, { schema: { body: Result } }, async (request, reply) => {
      await engine.agentResult(tokenOf(request), request.body);
      return reply.code(204).send();
    });
    agent.post(routes.log, { schema: { body: Log } }, async (request, reply) => {
      await engine.agentLog(tokenOf(request), request.body.lines);
      return reply.code(204).send();
    });
    agent.get<{ Params: { id: string } }>(`${routes.images}/:id`, (request, reply) => sendImage(parts, request, reply));
    agent.get(routes.configDrive, async (request, reply) => {
      const path = await engine.agentConfigDrive(tokenOf(request));
      const subject = routes.configDrive;
      return sendFile(request, reply, { path, onEnd: (transfer) => reportTransfer(parts, { request, subject, transfer }) });
    });
  });
}

type ImageRequest = FastifyRequest<{ Params: { id: string } }>;

async function sendImage(parts: HttpParts, request: ImageRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { id } = request.params;
  const subject = `${routes.images}/${id}`;
  if (!isCommanded(await parts.engine.agentOperation(tokenOf(request)), subject))
    throw new Fault('forbidden', { detail: `The command of this operation does not name image ${id.slice(0, 40)}.` });
  const { path } = await parts.images.extents(id);
  return sendFile(request, reply, {
    path,
    onStart: (total) =>
      parts.report({
        kind: 'http',
        ...whoAsks(parts, request),
        subject,
        message: `begins to take ${subject} over HTTP`,
        data: { total },
      }),
    onEnd: (transfer) => reportTransfer(parts, { request, subject, transfer }),
  });
}

/** An agent may take the image that its present command tells it to write, and no other tenant's. */
function isCommanded({ context }: Operation, path: string): boolean {
  const command = context['command'] as { params?: { path?: unknown } } | undefined;
  return command?.params?.path === path;
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
