/** Intended differences between Neutron 21 and Ingot. */
import type { Difference } from '../../oracle/row.ts';
import type { Kind } from '../kind.ts';

export const networkKinds: readonly Kind[] = [
  {
    service: 'network',
    at: /^headers\.x-openstack-request-id$/,
    holds: ({ ingot }) => ingot === true,
    why: 'each reply has one',
  },
];

export const networkDifferences: Readonly<Record<string, Difference>> = {};
