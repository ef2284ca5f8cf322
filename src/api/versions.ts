/** The microversions of the services that have them. */
import { baremetalVersions } from './baremetal/versions.ts';
import { computeVersions } from './compute/versions.ts';

export const microversionTable = { compute: computeVersions, baremetal: baremetalVersions } as const;

export type VersionedService = keyof typeof microversionTable;
