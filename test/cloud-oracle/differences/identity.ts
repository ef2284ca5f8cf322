/** Intended differences between Keystone 22 and Ingot. */
import type { Difference } from '../../oracle/row.ts';
import type { Kind } from '../kind.ts';

export const identityKinds: readonly Kind[] = [
  {
    service: 'identity',
    at: /\.colour$/,
    holds: ({ ingot }) => ingot === undefined,
    why: 'Keystone keeps fields that it does not know; Ingot has those that the API describes',
  },
];

export const identityDifferences: Readonly<Record<string, Difference>> = {};
