/** The interactive serial console of a server, by a single-use URL. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import { machineOf } from '#services/compute/servers.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ApiContext } from '../context.ts';
import { route } from './policy.ts';
import { serverOf } from './server-of.ts';

const Word = Type.String({ maxLength: 32 });

export const serverConsoleRoutes = [
  route({
    method: 'POST',
    path: '/servers/:id/remote-consoles',
    policy: 'os_compute_api:os-remote-consoles',
    since: 6,
    summary: 'Open the serial console: a WebSocket URL for one connection',
    body: Type.Object({ remote_console: Type.Object({ protocol: Word, type: Word }) }),
    reply: Type.Object({ remote_console: Type.Object({ protocol: Word, type: Word, url: Type.String() }) }),
    async handler(request, context) {
      const { protocol, type } = request.body.remote_console;
      if (protocol !== 'serial' || type !== 'serial') {
        throw new Fault('badRequest', {
          detail: `There is no ${protocol} console of type ${type}: only a serial one (--serial).`,
        });
      }
      const server = await serverOf(request, context);
      return { remote_console: { protocol, type, url: await serialConsoleUrl(context, request, server) } };
    },
  }),
];

/** Throws `unsupportedByHardware` if the console accepts no input. */
export async function serialConsoleUrl(context: ApiContext, request: FastifyRequest, server: Server): Promise<string> {
  const node = await machineOf(context, server);
  await context.engine.checkConsole(node);
  return context.consoles.issue({ node, server: server.id, token: request.token }, context.baseUrl(request));
}
