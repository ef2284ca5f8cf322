/** What is known of a router since its data path was last made as its rows say, and when that is done again. */

export type Applied = {
  /** Of what was wanted. */
  readonly digest: string;
  /** What nft showed of the rules when they were loaded. */
  readonly loaded?: string;
  /** Why it could not be applied. */
  readonly failure?: string;
  /** When it is applied again, as `performance.now()`, and how long after the failure. */
  readonly retry?: { readonly at: number; readonly ms: number };
};

export const firstRetryMs = 1000;
export const longestRetryMs = 60_000;

/** Writes to rows of others do not hasten a retry: they would let one router that cannot be brought up take all the time. */
export function isDue(known: Applied | undefined, { digest, now }: { digest: string; now: number }): boolean {
  if (known?.digest !== digest) return true;
  return known.retry !== undefined && known.retry.at <= now;
}

export function failed(before: Applied | undefined, { digest, now }: { digest: string; now: number }, failure: string): Applied {
  const ms = before?.digest === digest && before.retry ? Math.min(2 * before.retry.ms, longestRetryMs) : firstRetryMs;
  return { digest, failure, retry: { at: now + ms, ms } };
}
