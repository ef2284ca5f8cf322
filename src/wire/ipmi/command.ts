import type { Field } from '../bytes/fields.ts';

/** Privilege levels, IPMI 2.0 rev 1.1 section 6.8 and table 22-15. */
export const privilegeLevels = { callback: 1, user: 2, operator: 3, administrator: 4 } as const;
export type Privilege = keyof typeof privilegeLevels;

/** Advice for an account with less privilege than requested; no level is below `user`. */
export function adviceOn(privilege: Privilege): string {
  if (privilegeLevels[privilege] <= privilegeLevels.user) return '';
  const less = privilege === 'administrator' ? 'OPERATOR' : 'USER';
  return `; an account with less than ${privilege.toUpperCase()} needs ipmi_priv_level, such as ${less}`;
}

/** One row of the command table: enough to send a command, to answer it, and to explain its failure. */
export type Command<Q, R> = {
  readonly name: string;
  readonly netFn: number;
  readonly command: number;
  /** Target LUN of the BMC; default 0. */
  readonly lun?: number;
  /** Minimum privilege, appendix G. `none`: also allowed outside a session. */
  readonly privilege: Privilege | 'none';
  readonly request: Field<Q>;
  /** The data after completion code 00h. */
  readonly response: Field<R>;
  /** Whether the command is idempotent. Default: yes. */
  repeatable?(request: Q): boolean;
  /**
   * How often the command is retried while the BMC reports node busy (C0h); default: until the deadline. For
   * conditions that some BMCs report as busy for ever.
   */
  readonly mostBusy?: number;
  /** Executing this makes the BMC drop all sessions. */
  readonly endsSession?: boolean;
  readonly completionCodes?: Readonly<Record<number, string>>;
};

/** For lists of rows. Type-safe because each row is only used with its own fields. */
export type AnyCommand = Command<unknown, unknown>;
