/** The microversions of Ironic's API that Ingot speaks. */
import type { VersionRange } from '../http/microversions.ts';

/** Raise `max` only when every revision up to it is implemented. */
export const baremetalVersions: VersionRange = {
  min: { major: 1, minor: 1 },
  max: { major: 1, minor: 115 },
  type: 'baremetal',
  header: 'x-openstack-ironic-api-version',
  nonsense: 'notAcceptable',
  announcesRange: true,
};
