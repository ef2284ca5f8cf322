/** A console to type into: the serial line of the server's machine, by a URL that is good for one visit. */
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { Server } from '#domain/records.ts';
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

/** Throws `notOfThisHardware` where nobody can type. */
export async function serialConsoleUrl(context: ApiContext, request: FastifyRequest, server: Server): Promise<string> {
  const node = machineOf(server);
  await context.engine.checkConsole(node);
  return context.consoles.issue(node, context.baseUrl(request));
}

/** Throws `conflict` for a server that has no machine (yet). */
export function machineOf({ id, node_uuid }: Server): string {
  if (node_uuid === null) throw new Fault('conflict', { detail: `Instance ${id} is not ready: it has no machine.` });
  return node_uuid;
}
