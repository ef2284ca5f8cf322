/**
 * gophercloud's tests that do not pass, each with its reason. A row for a test that passes fails the job, as does a test that
 * fails without a row (decision 0039).
 */
import type { Reasons } from '../client/referees/suite.ts';

const reasons = {
  noauth: 'Ingot has no mode without authentication (docs/limits.md)',
  raid: 'it sets a software RAID 5 of two disks, and volumes that are no software RAID, which Ironic refuses when they are to be made, and Ingot at once',
} as const;

export const leftOut: Reasons = {
  'baremetal/noauth TestAllocationsCreateDestroy': reasons.noauth,
  'baremetal/noauth TestNodesCreateDestroy': reasons.noauth,
  'baremetal/noauth TestNodesUpdate': reasons.noauth,
  'baremetal/noauth TestNodesRAIDConfig': reasons.noauth,
  'baremetal/noauth TestPortsCreateDestroy': reasons.noauth,
  'baremetal/noauth TestPortsUpdate': reasons.noauth,
  'baremetal/v1 TestNodesRAIDConfig': reasons.raid,
  'baremetal/httpbasic TestNodesRAIDConfig': reasons.raid,
};
