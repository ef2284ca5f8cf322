/** What the network API refuses. */
import type { FaultRow } from './fault-row.ts';

export const networkFaults = {
  invalidIpForNetwork: {
    status: 400,
    by: 'caller',
    message: 'IP address {address} is not a valid IP for any of the subnets on the specified network.',
  },
  invalidIpForSubnet: {
    status: 400,
    by: 'caller',
    message: 'IP address {address} is not a valid IP for the specified subnet.',
  },
  ipAddressInUse: { status: 409, by: 'caller', message: 'IP address {address} is in use on network {network}.' },
  macAddressInUse: { status: 409, by: 'caller', message: 'MAC address {mac} is in use on network {network}.' },
  ipAddressGenerationFailure: { status: 409, by: 'caller', message: 'No more IP addresses available on network {network}.' },
  overQuota: { status: 409, by: 'caller', message: "Quota exceeded for resources: ['{what}']." },
  networkInUse: { status: 409, by: 'caller', message: 'Network {network} is in use: {detail}.' },
  subnetInUse: { status: 409, by: 'caller', message: 'Subnet {subnet} is in use: {detail}.' },
} as const satisfies Record<string, FaultRow>;
