/** Names in DNS, which Neutron restricts to those of hosts (neutron-lib, `api/validators/dns.py`; RFC 1123, 2.1). */

/** Characters of a whole name, without the dot at its end. */
export const longestDnsName = 255;
/** Neutron's default, `dns_domain`. */
export const siteDomain = 'openstacklocal.';

/** @returns why it is no name, which may end in a dot; undefined: it is one */
export function dnsNameProblem(name: string): string | undefined {
  const trimmed = name.endsWith('.') ? name.slice(0, -1) : name;
  if (trimmed.length > longestDnsName) return `'${trimmed}' exceeds the ${longestDnsName} character FQDN limit`;
  const labels = trimmed.split('.');
  for (const label of labels) {
    if (label === '') return 'Encountered an empty component';
    if (label.startsWith('-') || label.endsWith('-')) return `Name '${label}' must not start or end with a hyphen`;
    if (!/^[a-z0-9-]{1,63}$/.test(label))
      return `Name '${label}' must be 1-63 characters long, each of which can only be alphanumeric or a hyphen`;
  }
  const last = labels.at(-1) ?? '';
  return labels.length > 1 && /^[0-9]+$/.test(last) ? `TLD '${last}' must not be all numeric` : undefined;
}

/** Of a name that is relative or ends in a dot. */
export const isOfSite = (name: string): boolean =>
  name.endsWith('.') ? name.endsWith(`.${siteDomain}`) : name.length + siteDomain.length + 1 <= longestDnsName;

/** The name of a host as that of its ports; empty if it cannot be one. */
export function dnsNameOfHost(hostname: string): string {
  const name = hostname.toLowerCase();
  return dnsNameProblem(name) === undefined && isOfSite(name) ? name : '';
}

export type DnsAssignment = { readonly ip_address: string; readonly hostname: string; readonly fqdn: string };

/** What each address of a port is called: addresses of ports without a name have names that are made of them. */
export function dnsAssignments(name: string, addresses: readonly { readonly ip_address: string }[]): DnsAssignment[] {
  return addresses.map(({ ip_address }) => {
    const hostname = name || `host-${ip_address.replaceAll(/[.:]/g, '-')}`;
    return { ip_address, hostname, fqdn: hostname.endsWith('.') ? hostname : `${hostname}.${siteDomain}` };
  });
}
