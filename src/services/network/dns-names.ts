/** Names in DNS of ports and floating IPs, and domains of networks: kept and shown, and told to no DNS server. */
import { dnsNameProblem, isOfSite, longestDnsName } from '#domain/dns-names.ts';
import { Fault } from '#domain/faults.ts';

type Attribute = 'dns_name' | 'dns_domain';
const refuse = (attribute: Attribute, reason: string) =>
  new Fault('badRequest', { detail: `Invalid input for ${attribute}. Reason: ${reason}.` });

/** In lower case, as DNS compares them. @throws Fault `badRequest` */
function readName(text: string, attribute: Attribute): string {
  const name = text.toLowerCase();
  const problem = name === '' ? undefined : dnsNameProblem(name);
  if (problem === undefined) return name;
  throw refuse(attribute, `'${name}' not a valid PQDN or FQDN. Reason: ${problem}`);
}

/** Of a port: relative to the domain of the site, or a whole name in it. @throws Fault `badRequest` */
export function readDnsName(text: string): string {
  const name = readName(text, 'dns_name');
  if (name === '' || isOfSite(name)) return name;
  const reason = name.endsWith('.')
    ? `'${name}' is a FQDN that is not in the domain openstacklocal.`
    : `'${name}' and the domain openstacklocal. are together longer than ${longestDnsName} characters`;
  throw refuse('dns_name', reason);
}

/** Of a network or floating IP: a whole name. @throws Fault `badRequest` */
export function readDnsDomain(text: string): string {
  if (text !== '' && !text.endsWith('.')) throw refuse('dns_domain', `'${text}' is not a FQDN`);
  const name = readName(text, 'dns_domain');
  // Room for a host.
  if (name.length <= longestDnsName - 2) return name;
  throw refuse('dns_domain', `'${name}' has ${name.length} characters, and no room for a sub-domain`);
}

type OfFloatingIp = { readonly dns_name?: string | undefined; readonly dns_domain?: string | undefined };

/** Both or none. @throws Fault `badRequest` */
export function readDnsOfFloatingIp({ dns_name = '', dns_domain = '' }: OfFloatingIp): { dns_name: string; dns_domain: string } {
  if (dns_name.endsWith('.')) throw refuse('dns_name', `'${dns_name}' is a FQDN. It should be a relative domain name`);
  const names = { dns_name: readName(dns_name, 'dns_name'), dns_domain: readDnsDomain(dns_domain) };
  // Room for a domain.
  if (names.dns_name.length > longestDnsName - 3)
    throw refuse('dns_name', `'${dns_name}' has ${dns_name.length} characters, and no room for a domain`);
  if ((names.dns_name === '') === (names.dns_domain === '')) return names;
  const [given, other] = names.dns_name === '' ? ['dns_domain', 'dns_name'] : ['dns_name', 'dns_domain'];
  throw new Fault('badRequest', {
    detail: `Bad floatingip request: ${given} cannot be specified without a ${other}.`,
    type: 'BadRequest',
  });
}
