/** The interactive serial console of a server, by a single-use URL. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Server } from '#store/tables/servers.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { findUnlockedServer } from './lookup.ts';

const IdParams = Type.Object({ id: Type.String() });
const Word = Type.String({ maxLength: 32 });
const ConsoleRequest = Type.Object({ remote_console: Type.Object({ protocol: Word, type: Word }) });

export function registerServerConsole(app: ApiScope, context: ApiContext): void {
  const schema = { params: IdParams, body: ConsoleRequest };
  app.post('/servers/:id/remote-consoles', { schema }, async (request) => {
    const { protocol, type } = request.body.remote_console;
    if (protocol !== 'serial' || type !== 'serial') {
      throw new Fault('badRequest', { detail: `There is no ${protocol} console of type ${type}: only a serial one (--serial).` });
    }
    const server = await findUnlockedServer(context, request, request.params.id);
    return { remote_console: { protocol, type, url: await serialConsoleUrl(context, request, server) } };
  });
}

/** Throws `unsupportedByHardware` if the console accepts no input. */
export async function serialConsoleUrl(context: ApiContext, request: FastifyRequest, server: Server): Promise<string> {
  const node = await machineOf(context, server);
  await context.engine.checkConsole(node);
  return context.consoles.issue({ node, server: server.id, token: request.token }, context.baseUrl(request));
}

/** Throws `conflict` for a server without a machine: its former machine may have been reassigned. */
export async function machineOf({ store }: Pick<ApiContext, 'store'>, { id, node_uuid }: Server): Promise<string> {
  const [node] = node_uuid === null ? [] : await store.nodes.pick(['instance_uuid'], { uuid: node_uuid });
  if (node_uuid === null || node?.instance_uuid !== id)
    throw new Fault('conflict', { detail: `Instance ${id} is not ready: it has no machine.` });
  return node_uuid;
}
