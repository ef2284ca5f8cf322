/** `/v1/nodes/{node}/states/console`: access to the serial console. */
import { Type } from 'typebox';
import { findNode } from '#services/baremetal/lookup.ts';
import { booleanOf, LooseBoolean } from '#services/loose-booleans.ts';
import { Nullable } from '../http/schemas.ts';
import { nodeUrl } from './node-reply.ts';
import { route } from './policy.ts';

const path = '/nodes/:node/states/console';

export const nodeConsoleRoutes = [
  route({
    method: 'GET',
    path,
    policy: 'baremetal:node:get_console',
    summary: 'Get access to the console of a node',
    reply: Type.Object({
      console_enabled: Type.Boolean(),
      console_info: Nullable(Type.Object({ type: Type.String(), url: Type.String() })),
    }),
    async handler(request, context) {
      const { uuid, console_enabled } = await findNode(context, request.params.node);
      const url = console_enabled
        ? await context.consoles.issue({ node: uuid, token: request.token }, context.baseUrl(request))
        : undefined;
      return { console_enabled, console_info: url ? { type: 'websocket', url } : null };
    },
  }),
  route({
    method: 'PUT',
    path,
    policy: 'baremetal:node:set_console_state',
    summary: 'Enable or disable the console of a node',
    status: 202,
    body: Type.Object({ enabled: LooseBoolean }),
    async handler(request, context, reply) {
      const node = await findNode(context, request.params.node);
      await context.engine.setConsole(node.uuid, booleanOf('enabled', request.body.enabled));
      reply.header('location', `${nodeUrl(context, request, node)}/states/console`);
    },
  }),
];
