/** The sender of a request on the provisioning network: its address, and what is known about the machine behind it. */

export type Requester = {
  readonly address: string;
  /** MACs of the address, from our DHCP server and the kernel's neighbour table; empty: neither knows it. */
  readonly macs: readonly string[];
  /** Ingot serves DHCP here, so an address without a lease belongs to an unknown machine. */
  readonly isServed: boolean;
};

/** True if it may be the machine with these MACs. An unknown address may belong to any machine. */
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
