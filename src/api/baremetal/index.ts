/** Ironic's API on the same nodes: `/baremetal/v1`. For administrators only. */
import type { FastifyRequest } from 'fastify';
import { Fault } from '#domain/faults.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { requireAdmin } from '../http/authentication.ts';
import { registerDrivers } from './drivers.ts';
import { registerNodeFirmware } from './node-firmware.ts';
import { registerNodeGroups } from './node-groups.ts';
import { registerNodeHistory } from './node-history.ts';
import { registerNodeInventory } from './node-inventory.ts';
import { registerNodeMachine } from './node-machine.ts';
import { registerNodeMedia } from './node-media.ts';
import { registerNodeStates } from './node-states.ts';
import { registerNodeTraits } from './node-traits.ts';
import { registerNodes } from './nodes.ts';
import { registerPorts } from './ports.ts';
import { refuseUnknown } from './strict-requests.ts';
import { registerUnsupported } from './unsupported-routes.ts';

export function registerBaremetal(app: ApiScope, context: ApiContext): void {
  app.addHook('preValidation', async (request) =>
    requireAdmin(request, `baremetal ${request.method} ${request.routeOptions.url ?? request.url.split('?')[0]}`),
  );
  app.addHook('preValidation', refuseUnknown);
  acceptEmptyBytes(app);
  registerNodes(app, context);
  registerNodeStates(app, context);
  registerNodeMachine(app, context);
  registerNodeMedia(app, context);
  registerNodeFirmware(app, context);
  registerNodeInventory(app, context);
  registerNodeGroups(app, context);
  registerNodeTraits(app, context);
  registerNodeHistory(app, context);
  registerPorts(app, context);
  registerDrivers(app, context);
  registerUnsupported(app, context);
}

/** Ironic's client labels its DELETE requests `application/octet-stream` although they have no body. */
function acceptEmptyBytes(app: ApiScope): void {
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, async (_: FastifyRequest, body: Buffer) => {
    if (body.length > 0) throw new Fault('unsupportedMediaType', { detail: 'A body must be application/json.' });
  });
}
