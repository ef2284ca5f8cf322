/** What the farm's process is asked over its control socket, and what it answers. */

export type FarmRequest =
  | { readonly action: 'counters' }
  /** Switches that many machines over, without their BMCs being asked. */
  | { readonly action: 'flip'; readonly count: number }
  | { readonly action: 'powers' }
  /** Names of machines, or 'all'. */
  | { readonly action: 'set'; readonly machines: readonly string[] | 'all'; readonly changes: Readonly<Record<string, unknown>> }
  | { readonly action: 'stop' };

export type GroupCounters = {
  machines: number;
  /** IPMI packets, lost ones too. */
  packets_in: number;
  packets_out: number;
  /** IPMI commands carried out, in and out of sessions. */
  commands: number;
  /** Sessions that were opened, on either face. */
  logins: number;
  /** Redfish requests. */
  requests: number;
};

export type FarmCounters = GroupCounters & {
  /** Sessions that are open now, on either face. */
  readonly sessions: number;
  readonly on: number;
  readonly off: number;
  readonly by_profile: Readonly<Record<string, GroupCounters>>;
  /** Of the farm's process: bytes, and seconds of processor time. */
  readonly rss: number;
  readonly cpu_seconds: number;
};

export type FarmPowers = Readonly<Record<string, 'on' | 'off'>>;
