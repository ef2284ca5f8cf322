/**
 * Linux capabilities of a process, and the setpriv(1) arguments that drop all others. See
 * docs/decisions/0017-privileges.md.
 */

/** capabilities(7), in setpriv's spelling. */
export type Capability = 'net_bind_service' | 'net_raw' | 'net_admin' | 'sys_admin';

/** Their bits in `CapEff` of proc(5). */
export const capabilityBits: Readonly<Record<Capability, bigint>> = {
  net_bind_service: 10n,
  net_admin: 12n,
  net_raw: 13n,
  sys_admin: 21n,
};

/** Restricts the process and its children to these. setpriv fails if the caller lacks one. */
export function onlyCapabilities(capabilities: readonly Capability[]): string[] {
  const words = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  return [`--inh-caps=${words}`, `--ambient-caps=${words}`];
}

export type Account = { readonly uid: number; readonly gid: number };

/** For root: switches to another user with at most these capabilities, and no gain through file capabilities. */
export function asAccount({ uid, gid }: Account, capabilities: readonly Capability[]): string[] {
  const bounds = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  return [
    ...['--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--no-new-privs'],
    ...onlyCapabilities(capabilities),
    `--bounding-set=${bounds}`,
  ];
}
