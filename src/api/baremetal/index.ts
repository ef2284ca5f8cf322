/** Ironic's API on the same nodes: `/baremetal/v1`. For administrators only. */
import { requireAdmin } from '../authentication.ts';
import type { ApiContext, ApiScope } from '../context.ts';
import { registerAbsent } from './absent.ts';
import { registerDrivers } from './drivers.ts';
import { registerNodeHistory } from './node-history.ts';
import { registerNodeStates } from './node-states.ts';
import { registerNodeTraits } from './node-traits.ts';
import { registerNodes } from './nodes.ts';
import { registerPorts } from './ports.ts';

export function registerBaremetal(app: ApiScope, context: ApiContext): void {
  app.addHook('preValidation', async (request) =>
    requireAdmin(request, `baremetal ${request.method} ${request.routeOptions.url}`),
  );
  registerNodes(app, context);
  registerNodeStates(app, context);
  registerNodeTraits(app, context);
  registerNodeHistory(app, context);
  registerPorts(app, context);
  registerDrivers(app, context);
  registerAbsent(app, context);
}
