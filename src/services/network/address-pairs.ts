/** Address pairs that a port may use beside its own (neutron-lib, api/validators/allowedaddresspairs.py): facts, like port security. */
import { Fault } from '#domain/faults.ts';
import { parseAddress, parseCidr } from '#domain/ip-addresses.ts';
import type { AddressPair } from '#store/tables/ports.ts';
import { networkFault } from './errors.ts';
import { readMac } from './macs.ts';

export type WantedPair = { readonly ip_address?: string | undefined; readonly mac_address?: string | undefined };

/** Neutron's `max_allowed_address_pair`. */
const mostPairs = 10;

/** @param mac of the port, for pairs without one. @throws Fault `badRequest` */
export function addressPairsOf(wanted: readonly WantedPair[], mac: string): AddressPair[] {
  if (wanted.length > mostPairs)
    throw networkFault('AllowedAddressPairExhausted', `The number of allowed address pair exceeds the maximum ${mostPairs}.`);
  const seen = new Set<string>();
  return wanted.map(({ ip_address, mac_address }) => {
    if (ip_address === undefined)
      throw networkFault('AllowedAddressPairsMissingIP', 'AllowedAddressPair must contain ip_address');
    requireAddress(ip_address);
    const pair = { mac_address: mac_address === undefined ? mac : readMac(mac_address), ip_address };
    const key = JSON.stringify([pair.mac_address, ip_address]);
    if (seen.has(key))
      throw networkFault(
        'DuplicateAddressPairInRequest',
        `Request contains duplicate address pair: mac_address ${pair.mac_address} ip_address ${ip_address}.`,
      );
    seen.add(key);
    return pair;
  });
}

/** An address or subnet, which may have host bits. */
function requireAddress(text: string): void {
  const [address = '', prefix] = text.split('/');
  const parsed = parseAddress(address);
  const isValid = prefix === undefined ? parsed !== undefined : parsed !== undefined && parseCidr(text) !== undefined;
  if (!parsed || !isValid) throw invalid(`'${text}' is not a valid IP ${prefix === undefined ? 'address' : 'subnet'}`);
  const isMulticast = parsed.version === 4 ? parsed.value >> 28n === 0xen : parsed.value >> 120n === 0xffn;
  if (!isMulticast) return;
  if (prefix === undefined) throw invalid(`IP ${text} is a multicast address, which is not supported.`);
  const range = parsed.version === 4 ? '224.0.0.0/4' : 'ff00::/8';
  throw invalid(`Subnet ${text} overlaps with multicast range ${range}, which is not supported.`);
}

const invalid = (detail: string) => new Fault('badRequest', { detail, type: 'HTTPBadRequest' });

export function requirePortSecurity(pairs: readonly unknown[], port_security_enabled: boolean): void {
  if (pairs.length === 0 || port_security_enabled) return;
  throw networkFault(
    'AddressPairAndPortSecurityRequired',
    'Port Security must be enabled in order to have allowed address pairs on a port.',
  );
}
