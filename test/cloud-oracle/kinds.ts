/** Differences of a kind: of many steps, for one reason. */
import type { Deviation } from '../oracle/compare.ts';
import type { ServiceName } from './scenario.ts';

export type Kind = {
  readonly service: ServiceName;
  /** Places, such as `body.user.links`. */
  readonly at: RegExp;
  /** What of the two values is excused; default: any. */
  readonly holds?: (difference: Deviation) => boolean;
  readonly why: string;
};

/** A kind that covers nothing fails a run of all scenarios. */
export const kindTable: readonly Kind[] = [
  {
    service: 'identity',
    at: /\.(colour)$/,
    holds: ({ ingot }) => ingot === undefined,
    why: 'Keystone keeps fields that it does not know; Ingot has those that the API describes',
  },
];
