import type { Field } from '../bytes/fields.ts';

/** Privilege levels, IPMI 2.0 rev 1.1 section 6.8 and table 22-15. */
export const privilegeLevels = { callback: 1, user: 2, operator: 3, administrator: 4 } as const;
export type Privilege = keyof typeof privilegeLevels;

/** What helps an account that has less than is asked for; nothing is less than `user`. */
export function adviceOn(privilege: Privilege): string {
  if (privilegeLevels[privilege] <= privilegeLevels.user) return '';
  const less = privilege === 'administrator' ? 'OPERATOR' : 'USER';
  return `; an account with less than ${privilege.toUpperCase()} needs ipmi_priv_level, such as ${less}`;
}

/** One row of the command table: enough to send it, to answer it, and to explain its failure. */
export type Command<Q, R> = {
  readonly name: string;
  readonly netFn: number;
  readonly command: number;
  /** Logical unit of the BMC that it is for; default 0. */
  readonly lun?: number;
  /** Least privilege, appendix G. `none`: also outside of a session. */
  readonly privilege: Privilege | 'none';
  readonly request: Field<Q>;
  /** What follows the completion code 00h. */
  readonly response: Field<R>;
  /** May the same request be carried out twice without harm? Default: yes. */
  repeatable?(request: Q): boolean;
  /**
   * How often it is sent while the BMC says that it is busy (C0h); default: as long as there is time. For what some BMCs call
   * busy for ever.
   */
  readonly mostBusy?: number;
  /** The BMC forgets all sessions when it carries this out. */
  readonly endsSession?: boolean;
  readonly completionCodes?: Readonly<Record<number, string>>;
};

/** For lists of rows. Sound because each row is only ever used with its own fields. */
export type AnyCommand = Command<unknown, unknown>;
