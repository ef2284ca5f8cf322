/** A difference of many steps, for one reason. */
import type { Deviation } from '../oracle/compare.ts';
import type { ServiceName } from './scenario.ts';

/** One that covers nothing fails a run of all scenarios. */
export type Kind = {
  readonly service: ServiceName;
  /** Places, such as `body.user.links`. */
  readonly at: RegExp;
  /** Steps, by `<scenario>: <method> <step>`; default: all of the service. */
  readonly steps?: RegExp;
  /** What of the two values is excused; default: any. */
  readonly holds?: (difference: Deviation) => boolean;
  readonly why: string;
};
