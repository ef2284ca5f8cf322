/**
 * The microversions of Nova's API that Ingot speaks: up to the highest that a route or a field names. A test demands
 * that each later one than 2.90 is named, there or here.
 */
import type { VersionRange } from '../http/microversions.ts';
import { highestVersion } from '../http/versioned.ts';
import { computeRows } from './rows.ts';

/** Revisions that change nothing that Ingot has, with what they change in Nova. */
export const otherRevisions: Readonly<Record<number, string>> = {
  91: 'a server is unshelved to a host: there is no shelving',
  93: 'servers with a volume are rebuilt: there are no volumes',
  95: 'evacuated servers are stopped: there is no evacuation',
};

export const computeVersions: VersionRange = {
  min: { major: 2, minor: 1 },
  max: { major: 2, minor: Math.max(highestVersion(computeRows), ...Object.keys(otherRevisions).map(Number)) },
  type: 'compute',
  header: 'x-openstack-nova-api-version',
  nonsense: 'badRequest',
  announcesRange: false,
};
