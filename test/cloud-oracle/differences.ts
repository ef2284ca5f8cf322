/** Intended differences: of kinds, and of single steps by `<scenario>: <method> <step>`. */
import type { Difference } from '../oracle/row.ts';
import { identityDifferences, identityKinds } from './differences/identity.ts';
import { imageDifferences, imageKinds } from './differences/image.ts';
import { networkDifferences, networkKinds } from './differences/network.ts';
import { networkMoreDifferences, networkMoreKinds } from './differences/network-more.ts';
import type { Kind } from './kind.ts';

export const kindTable: readonly Kind[] = [...identityKinds, ...imageKinds, ...networkKinds, ...networkMoreKinds];

export const differenceTable: Readonly<Record<string, Difference>> = {
  ...identityDifferences,
  ...imageDifferences,
  ...networkDifferences,
  ...networkMoreDifferences,
};
