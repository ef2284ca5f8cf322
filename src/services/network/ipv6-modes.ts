/** `ipv6_address_mode` and `ipv6_ra_mode` of subnets (neutron/db/db_base_plugin_v2.py, `_validate_ipv6_attributes`). */
import { Fault } from '#domain/faults.ts';
import { parseCidr } from '#domain/ip-addresses.ts';
import { isAutomatic } from '#engine/servers/addresses.ts';
import type { Subnet } from '#store/tables/subnets.ts';

export type Ipv6Mode = NonNullable<Subnet['ipv6_ra_mode']>;
export type ModesRequest = {
  readonly ip_version: 4 | 6;
  readonly enable_dhcp?: boolean | undefined;
  readonly ipv6_address_mode?: Ipv6Mode | null | undefined;
  readonly ipv6_ra_mode?: Ipv6Mode | null | undefined;
};

const invalid = (detail: string) => new Fault('invalidInput', { detail });

/** @throws Fault `invalidInput` */
export function modesOf(request: ModesRequest, cidr: string): Pick<Subnet, 'ipv6_address_mode' | 'ipv6_ra_mode'> {
  const { ip_version, enable_dhcp = true, ipv6_address_mode = null, ipv6_ra_mode = null } = request;
  const modes = { ipv6_address_mode, ipv6_ra_mode };
  const [given] = Object.entries(modes).filter(([, mode]) => mode !== null);
  if (!given) return modes;
  if (ip_version === 4) throw invalid(`${given[0]} is not valid when ip_version is 4`);
  if (!enable_dhcp) throw invalid('ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False');
  if (ipv6_address_mode !== null && ipv6_ra_mode !== null && ipv6_address_mode !== ipv6_ra_mode)
    throw invalid(
      `ipv6_ra_mode set to '${ipv6_ra_mode}' with ipv6_address_mode set to '${ipv6_address_mode}' is not valid. If both attributes are set, they must be the same value`,
    );
  if (isAutomatic(modes) && parseCidr(cidr)?.prefix !== 64)
    throw invalid(
      `Invalid CIDR ${cidr} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64`,
    );
  return modes;
}

/** @throws Fault `invalidInput` */
export function refuseWithoutDhcp({ ipv6_address_mode, ipv6_ra_mode }: Subnet, enable_dhcp: boolean | undefined): void {
  if (enable_dhcp === false && (ipv6_address_mode ?? ipv6_ra_mode) !== null)
    throw invalid('Cannot disable enable_dhcp with ipv6 attributes set');
}
