/** All routes of the compute service. */
import type { Row } from '../http/route.ts';
import { baremetalNodeRoutes } from './baremetal-nodes.ts';
import { extraSpecRoutes } from './extra-specs.ts';
import { flavorAccessRoutes } from './flavor-access.ts';
import { flavorRoutes } from './flavors.ts';
import { hypervisorRoutes } from './hypervisors.ts';
import { keypairRoutes } from './keypairs.ts';
import { otherRoutes } from './other-routes.ts';
import { quotaRoutes } from './quotas.ts';
import { serverActionRoutes } from './server-actions.ts';
import { serverConsoleRoutes } from './server-console.ts';
import { serverHistoryRoutes } from './server-history.ts';
import { serverMetadataRoutes } from './server-metadata.ts';
import { serverPartRoutes } from './server-parts.ts';
import { serverTagRoutes } from './server-tags.ts';
import { serverRoutes } from './servers.ts';
import { serviceRoutes } from './services.ts';
import { usageRoutes } from './usage.ts';

export const computeRows: readonly Row[] = [
  ...serverRoutes,
  ...serverActionRoutes,
  ...serverConsoleRoutes,
  ...serverMetadataRoutes,
  ...serverPartRoutes,
  ...serverTagRoutes,
  ...serverHistoryRoutes,
  ...flavorRoutes,
  ...flavorAccessRoutes,
  ...extraSpecRoutes,
  ...keypairRoutes,
  ...hypervisorRoutes,
  ...baremetalNodeRoutes,
  ...serviceRoutes,
  ...quotaRoutes,
  ...usageRoutes,
  ...otherRoutes,
];
