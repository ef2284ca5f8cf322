/** Who asks something on the provisioning network: an address, and what is known of the machine behind it. */

export type Requester = {
  readonly address: string;
  /** Whose address it is, by the DHCP server of ours and by the kernel's neighbour table; empty = neither knows it. */
  readonly macs: readonly string[];
  /** Ingot serves DHCP here, so an address that it has given to nobody is a stranger's. */
  readonly isServed: boolean;
};

/** Whether it may be the machine that has these MACs. Where nothing is known of an address it may be anybody's. */
export function isMachine({ macs, isServed }: Requester, machine: readonly string[]): boolean {
  if (macs.length === 0) return !isServed;
  return macs.every((mac) => machine.includes(mac));
}

/** `10.0.0.9 (MAC 52:54:00:00:00:09)` */
export function formatRequester({ address, macs }: Requester): string {
  if (macs.length === 0) return address;
  const unique = [...new Set(macs)];
  return `${address} (MAC ${unique.join(', ')})`;
}
