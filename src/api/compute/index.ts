/** The part of Nova's API that applies to bare metal: `/compute/v2.1`. */
import type { ApiContext, ApiScope } from '../context.ts';
import { registerRoutes } from '../http/register-routes.ts';
import { registerBaremetalNodes } from './baremetal-nodes.ts';
import { computeConventions } from './conventions.ts';
import { extraSpecRoutes } from './extra-specs.ts';
import { flavorRoutes } from './flavors.ts';
import { registerHypervisors } from './hypervisors.ts';
import { keypairRoutes } from './keypairs.ts';
import { refuseUnknownQuery } from './known-queries.ts';
import { registerLimits } from './limits.ts';
import { registerServerActions } from './server-actions.ts';
import { registerServerHistory } from './server-history.ts';
import { registerServerMetadata } from './server-metadata.ts';
import { registerServerParts } from './server-parts.ts';
import { registerServers } from './servers.ts';
import { registerServices } from './services.ts';
import { registerUnsupported } from './unsupported-routes.ts';

export function registerCompute(app: ApiScope, context: ApiContext): void {
  app.addHook('preValidation', refuseUnknownQuery);
  const rows = [...flavorRoutes, ...extraSpecRoutes, ...keypairRoutes];
  registerRoutes(app, context, { rows, policy: context.policies.compute, conventions: computeConventions });
  registerServers(app, context);
  registerServerActions(app, context);
  registerServerMetadata(app, context);
  registerServerParts(app, context);
  registerServerHistory(app, context);
  registerHypervisors(app, context);
  registerServices(app);
  registerLimits(app, context);
  registerBaremetalNodes(app, context);
  registerUnsupported(app);
}
