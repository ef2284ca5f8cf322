/** Requests to the farm's process over its control socket, and their responses. */

export type FarmRequest =
  | { readonly action: 'counters' }
  /** Toggles the power of this many machines, bypassing their BMCs. */
  | { readonly action: 'flip'; readonly count: number }
  | { readonly action: 'powers' }
  /** Names of machines, or 'all'. */
  | { readonly action: 'set'; readonly machines: readonly string[] | 'all'; readonly changes: Readonly<Record<string, unknown>> }
  | { readonly action: 'stop' };

export type GroupCounters = {
  machines: number;
  /** IPMI packets, including lost ones. */
  packets_in: number;
  packets_out: number;
  /** IPMI commands executed, inside and outside sessions. */
  commands: number;
  /** Sessions opened, on either front end. */
  logins: number;
  /** Redfish requests. */
  requests: number;
};

export type FarmCounters = GroupCounters & {
  /** Sessions now open, on either front end. */
  readonly sessions: number;
  readonly on: number;
  readonly off: number;
  readonly by_profile: Readonly<Record<string, GroupCounters>>;
  /** Of the farm's process: bytes of memory, and seconds of processor time. */
  readonly rss: number;
  readonly cpu_seconds: number;
};

export type FarmPowers = Readonly<Record<string, 'on' | 'off'>>;
