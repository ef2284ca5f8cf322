/** Rights of a process on Linux, and the words of setpriv(1) that leave it no others. See docs/decisions/0017-privileges.md. */

/** capabilities(7), as setpriv names them. */
export type Capability = 'net_bind_service' | 'net_raw' | 'net_admin';

/** Their bits in `CapEff` of proc(5). */
export const capabilityBits: Readonly<Record<Capability, bigint>> = { net_bind_service: 10n, net_admin: 12n, net_raw: 13n };

/** Only these, handed on to the programs that it starts. A right that the caller lacks makes setpriv refuse. */
export function onlyCapabilities(capabilities: readonly Capability[]): string[] {
  const words = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  return [`--inh-caps=${words}`, `--ambient-caps=${words}`];
}

export type Account = { readonly uid: number; readonly gid: number };

/** For root: another user, these rights at most from here on, and none that a program's file would give. */
export function asAccount({ uid, gid }: Account, capabilities: readonly Capability[]): string[] {
  const bounds = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  return [
    ...['--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--no-new-privs'],
    ...onlyCapabilities(capabilities),
    `--bounding-set=${bounds}`,
  ];
}
