/** A row of the tables of exceptions: a difference between a published document and the service. */
export type Exception = {
  /** `METHOD PATH` as the document has it, `*` for one name, `**` for anything; default: all. */
  readonly operation?: string;
  /** JSON pointers of the fields. */
  readonly at: string | readonly string[];
  readonly what: 'missing' | 'unknown' | 'wrong';
  /** Part of what is said of a wrong value. */
  readonly says?: string;
  /** First and last microversion of the difference. */
  readonly since?: string;
  readonly until?: string;
  readonly why: string;
  /** File of the service that decides. */
  readonly source: string;
};
