import type { CipherSuiteId } from '#wire/rmcp/cipher-suites.ts';

/** How a BMC (mis)behaves; may be changed while it runs. */
export type Personality = {
  /** Says nothing at all any more. */
  readonly silent: boolean;
  /** Knows its users under other passwords than the right ones. */
  readonly refusePassword: boolean;
  /** Share of packets lost on the way in, and again on the way out: 0 to 1. */
  readonly dropRate: number;
  /** Time before each answer, in milliseconds. */
  readonly delayMs: number;
  /** Says "done" to power commands and does nothing. */
  readonly acceptsWithoutEffect: boolean;
  readonly cipherSuites: readonly CipherSuiteId[];
  /** Sessions at once; further ones are turned down. */
  readonly sessionLimit: number;
};

export const soundPersonality: Personality = {
  silent: false,
  refusePassword: false,
  dropRate: 0,
  delayMs: 0,
  acceptsWithoutEffect: false,
  cipherSuites: [17, 3],
  sessionLimit: 16,
};
