/** Networks (Neutron v2.0): networks, subnets, ports. */
import type { ApiContext, ApiScope } from '../context.ts';
import { convertAttributes } from './converted-attributes.ts';
import { registerExtensions, registerQuotas } from './extensions.ts';
import { registerNetworks } from './networks.ts';
import { registerPorts } from './ports.ts';
import { registerSubnets } from './subnets.ts';

export function registerNetwork(app: ApiScope, context: ApiContext): void {
  app.addHook('preValidation', async ({ body }) => convertAttributes(body));
  registerNetworks(app, context);
  registerSubnets(app, context);
  registerPorts(app, context);
  registerQuotas(app, context);
  registerExtensions(app);
}
