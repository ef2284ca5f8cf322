/** An intended difference of all requests with such names. */
export type Excuse = {
  readonly name: RegExp;
  readonly why: string;
  /** Their statuses; undefined = any. */
  readonly status?: readonly [ironic: number | undefined, ingot: number | undefined];
  /** Places in replies. */
  readonly at?: RegExp;
};
