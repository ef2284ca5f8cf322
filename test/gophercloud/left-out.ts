/**
 * gophercloud's tests that do not pass, each with its reason. A row for a test that passes fails the job, as does a test that
 * fails without a row (decision 0039).
 */
import type { Reasons } from '../client/referees/suite.ts';

const reasons = {
  noauth: 'Ingot has no mode without authentication (docs/limits.md)',
  raid: 'the node that it creates has the RAID interface agent (docs/limits.md)',
} as const;

export const leftOut: Reasons = {
  'baremetal/noauth TestAllocationsCreateDestroy': reasons.noauth,
  'baremetal/noauth TestNodesCreateDestroy': reasons.noauth,
  'baremetal/noauth TestNodesUpdate': reasons.noauth,
  'baremetal/noauth TestNodesRAIDConfig': reasons.noauth,
  'baremetal/noauth TestPortsCreateDestroy': reasons.noauth,
  'baremetal/noauth TestPortsUpdate': reasons.noauth,
  'baremetal/v1 TestNodesCreateDestroy': reasons.raid,
  'baremetal/v1 TestNodesUpdate': reasons.raid,
  'baremetal/v1 TestNodesMaintenance': reasons.raid,
  'baremetal/v1 TestNodesRAIDConfig': reasons.raid,
  'baremetal/httpbasic TestNodesCreateDestroy': reasons.raid,
  'baremetal/httpbasic TestNodesUpdate': reasons.raid,
  'baremetal/httpbasic TestNodesRAIDConfig': reasons.raid,
};
