/** All routes of the bare metal service, and the parts of Ironic's API that Ingot does not have. */
import type { Row } from '../http/route.ts';
import { allocationRoutes } from './allocations.ts';
import { chassisRoutes } from './chassis.ts';
import { conductorRoutes } from './conductors.ts';
import { deployTemplateRoutes } from './deploy-templates.ts';
import { driverRoutes } from './drivers.ts';
import { eventRoutes } from './events.ts';
import { firmwareUpdateRoutes } from './firmware-updates.ts';
import { heldAddressRoutes } from './held-addresses.ts';
import { inspectionRuleRoutes } from './inspection-rules.ts';
import { nodeBootRoutes } from './node-boot.ts';
import { nodeConsoleRoutes } from './node-console.ts';
import { nodeFirmwareRoutes } from './node-firmware.ts';
import { nodeGroupRoutes } from './node-groups.ts';
import { nodeHistoryRoutes } from './node-history.ts';
import { nodeIndicatorRoutes } from './node-indicators.ts';
import { nodeInventoryRoutes } from './node-inventory.ts';
import { nodeLockRoutes } from './node-locks.ts';
import { nodeMediaRoutes } from './node-media.ts';
import { nodePassthruRoutes } from './node-passthru.ts';
import { nodeStateRoutes } from './node-states.ts';
import { nodeTraitRoutes } from './node-traits.ts';
import { nodeVifRoutes } from './node-vifs.ts';
import { nodeRoutes } from './nodes.ts';
import { portGroupRoutes } from './port-groups.ts';
import { portRoutes } from './ports.ts';
import { runbookTraitRoutes } from './runbook-traits.ts';
import { runbookRoutes } from './runbooks.ts';
import { volumeRoutes } from './volumes.ts';

export const baremetalRoutes: readonly Row[] = [
  ...nodeRoutes,
  ...nodeStateRoutes,
  ...nodeBootRoutes,
  ...nodeIndicatorRoutes,
  ...nodeConsoleRoutes,
  ...nodePassthruRoutes,
  ...nodeMediaRoutes,
  ...nodeFirmwareRoutes,
  ...nodeInventoryRoutes,
  ...nodeGroupRoutes,
  ...nodeTraitRoutes,
  ...nodeHistoryRoutes,
  ...nodeLockRoutes,
  ...heldAddressRoutes,
  ...firmwareUpdateRoutes,
  ...nodeVifRoutes,
  ...portRoutes,
  ...portGroupRoutes,
  ...driverRoutes,
  ...chassisRoutes,
  ...allocationRoutes,
  ...conductorRoutes,
  ...volumeRoutes,
  ...deployTemplateRoutes,
  ...runbookRoutes,
  ...runbookTraitRoutes,
  ...inspectionRuleRoutes,
  ...eventRoutes,
];
