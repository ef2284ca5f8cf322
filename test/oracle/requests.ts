/** All requests whose responses are compared. */
import { allocationRows } from './requests/allocations.ts';
import { belowRows } from './requests/below.ts';
import { bodyRows } from './requests/bodies.ts';
import { chassisRows } from './requests/chassis.ts';
import { createRows } from './requests/create.ts';
import { deployTemplateRows } from './requests/deploy-templates.ts';
import { driverRows } from './requests/drivers.ts';
import { eventRows } from './requests/events.ts';
import { hintRows } from './requests/hints.ts';
import { inspectionRuleRows } from './requests/inspection-rules.ts';
import { lifecycleRows } from './requests/lifecycle.ts';
import { listRows } from './requests/lists.ts';
import { nameRows } from './requests/names.ts';
import { patchRows } from './requests/patch.ts';
import { portGroupRows } from './requests/port-groups.ts';
import { portRows } from './requests/ports.ts';
import { runbookTraitRows } from './requests/runbook-traits.ts';
import { runbookRows } from './requests/runbooks.ts';
import { stateRows } from './requests/states.ts';
import { stepRows } from './requests/steps.ts';
import { urlRows } from './requests/urls.ts';
import { versionRows } from './requests/versions.ts';
import { volumeRows } from './requests/volumes.ts';
import type { Row } from './row.ts';

export const requestTable: readonly Row[] = [
  ...createRows,
  ...nameRows,
  ...patchRows,
  ...lifecycleRows,
  ...hintRows,
  ...eventRows,
  ...portRows,
  ...portGroupRows,
  ...volumeRows,
  ...chassisRows,
  ...listRows,
  ...bodyRows,
  ...urlRows,
  ...versionRows,
  ...stateRows,
  ...stepRows,
  ...driverRows,
  ...belowRows,
  // Those of the rows stay: lists of all come before.
  ...allocationRows,
  ...deployTemplateRows,
  ...runbookRows,
  ...runbookTraitRows,
  ...inspectionRuleRows,
];
