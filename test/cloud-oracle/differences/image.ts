/** Intended differences between Glance 25 and Ingot. */
import type { Difference } from '../../oracle/row.ts';
import type { Kind } from '../kind.ts';

export const imageKinds: readonly Kind[] = [
  { service: 'image', at: /^headers\.x-openstack-request-id$/, holds: ({ ingot }) => ingot === true, why: 'each reply has one' },
  {
    service: 'image',
    at: /^headers\.content-type$/,
    holds: ({ peer, ingot }) => peer === 'text/html' && ingot === undefined,
    why: 'no content, no type',
  },
  {
    service: 'image',
    at: /^headers\.openstack-image-store-ids$/,
    holds: ({ ingot }) => ingot === 'local',
    why: 'Glance names its store where there are several; Ingot has one, with a name',
  },
];

export const imageDifferences: Readonly<Record<string, Difference>> = {
  ...Object.fromEntries(
    ['of no token', 'root'].map((step) => [
      `image versions: GET ${step}`,
      {
        why: 'Glance names versions by its settings; Ingot those whose routes it has',
        at: ['v2.8', 'v2.10', 'v2.11', 'v2.12', 'v2.13', 'v2.15'].map((id) => `body.versions.[${id}]`),
      },
    ]),
  ),
};
