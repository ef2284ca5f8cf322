/** Intended differences between Neutron 21 and Ingot. */
import type { Deviation } from '../../oracle/compare.ts';
import type { Difference } from '../../oracle/row.ts';
import type { Kind } from '../kind.ts';

const service = 'network';

/** Fields that only one of the two shows, and other values that do not depend on the request. */
const fieldKinds: readonly Kind[] = [
  { service, at: /^headers\.x-openstack-request-id$/, holds: ({ ingot }) => ingot === true, why: 'each reply has one' },
  {
    ...{ service, at: /\.provider:(network_type|physical_network|segmentation_id)$/ },
    holds: ({ ingot }) => ingot === null || ingot === 'flat' || ingot === 'provisioning' || typeof ingot === 'number',
    why: "a network of nobody's choice is on the one wire; Neutron takes a free VLAN",
  },
  {
    ...{ service, at: /\.is_default$/, holds: ({ peer, ingot }) => peer === undefined && ingot === false },
    why: 'Neutron shows it when a network is made, later only of external ones',
  },
  {
    ...{ service, at: /\.revision_number$/, holds: ofTwo('number') },
    why: 'how many changes one request makes is a matter of the service; clients send back what they have read',
  },
  { service, at: /\.mac_address$/, holds: ofTwo('string'), why: "of nobody's choice" },
  {
    ...{ service, at: /\.(fixed_ips|dns_assignment)\.(\[|\d+\.)/ },
    why: 'Neutron takes one of the first free addresses by chance, and drops names while it has its default domain',
  },
  { service, at: /\.binding:vnic_type$/, holds: ({ ingot }) => ingot === 'baremetal', why: 'ports are those of machines' },
  {
    ...{ service, at: /\.resource_request$/ },
    holds: ({ ingot }) => ingot === undefined,
    why: 'of an extension that Ingot does not have',
  },
  {
    ...{ service, at: /\.dns_publish_fixed_ip$/ },
    holds: ({ peer }) => peer === undefined,
    why: 'of an extension that Neutron has not loaded here',
  },
  {
    ...{ service, at: /\.(gateway_ip|allocation_pools\.\[.*"start":"[0-9a-f:]+::[12]"\}\])$/ },
    holds: ({ peer, ingot }) => typeof peer !== 'string' || (peer.endsWith('::') && ingot === `${peer}1`),
    why: 'Neutron takes the address of an IPv6 subnet itself as its gateway, Ingot that of the first host',
  },
  {
    ...{ service, at: /^body\.port.*\.binding:(vif_type|vif_details\.port_filter)$/ },
    why: "Neutron finds no agent of this host; Ingot's ports need none",
  },
  {
    ...{ service, at: /\.dns_name$/, holds: ({ peer }) => peer === '' },
    why: 'Neutron drops names while it has its default domain (docs/limits.md)',
  },
  {
    ...{ service, at: /^body\.subnetpool\.((min|max|default)_prefixlen|default_quota)$/, steps: /: PUT / },
    why: 'Neutron shows numbers after a change and texts otherwise; Ingot always texts',
  },
  {
    ...{
      service,
      at: /^(body|headers\.content-type)$/,
      steps: /: PUT a tag/,
      holds: ({ ingot }) => ingot === '' || ingot === undefined,
    },
    why: "Neutron's reply is null",
  },
  {
    ...{ service, at: /^body\.\w+_links/, holds: ({ ingot }) => ingot === undefined },
    why: 'Neutron names a previous page even where there is none',
  },
];

const refusals = ['HTTPBadRequest', 'InvalidInput', 'BadRequest', 'MalformedRequestBody', 'AddrFormatError'];
const isRefusal = (type: unknown) => refusals.includes(String(type));

/** Of requests that nobody means. */
const refusalKinds: readonly Kind[] = [
  {
    ...{ service, at: /^body\.NeutronError\.type$/, holds: ({ peer, ingot }) => isRefusal(peer) && isRefusal(ingot) },
    why: 'all of them are 400 of an invalid value, and clients have no exceptions of their own for them',
  },
  {
    ...{ service, at: /^status$/, holds: ({ peer, ingot }) => peer === 500 && Number(ingot) >= 400 && Number(ingot) < 500 },
    why: 'Neutron fails where it does not expect a value',
  },
  {
    service,
    at: /^status$/,
    steps: /: GET listed by an unknown marker$/,
    why: "Neutron's answer depends on the resource: 200 or 404",
  },
  {
    ...{ service, at: /^status$/, steps: /sort_dir=asc&sort_dir=desc$|name=plain&sort_dir=asc$/ },
    why: "the API's reference lets a direction be omitted",
  },
  {
    service,
    at: /^status$/,
    steps: / mtu \S+$/,
    why: 'Ingot keeps MTUs of switches that it does not configure, from that of IPv4 on',
  },
  {
    ...{ service, at: /^status$/, steps: / \S+ \[?"x?"\]?$/, holds: statuses(400, 404) },
    why: 'what is no id is the id of nothing',
  },
  {
    ...{
      service,
      at: /^status$/,
      steps: / \S+ (null|""|\["nova","nova"\])$/,
      holds: ({ peer, ingot }) => peer === 400 && ingot === 201,
    },
    why: 'clients in Go send null or nothing for what they do not set',
  },
  {
    ...{
      service,
      at: /^status$/,
      steps: /: GET listed by (?!an |a )/,
      holds: ({ peer, ingot }) => peer === 400 && ingot === 200,
    },
    why: 'Ingot filters by all fields',
  },
];

export const networkKinds: readonly Kind[] = [...fieldKinds, ...refusalKinds];

function ofTwo(type: 'number' | 'string') {
  return ({ peer, ingot }: Deviation) => typeof peer === type && typeof ingot === type;
}

function statuses(one: number, other: number) {
  return ({ peer, ingot }: Deviation) => peer === one && ingot === other;
}

export const networkDifferences: Readonly<Record<string, Difference>> = {
  'network versions: GET of the version': { why: 'Ingot lists its resources to all, as its versions', status: [401, 200] },
  'network versions: GET of an unknown token': {
    why: "keystonemiddleware answers in the form of Keystone's errors, Ingot in that of Neutron's",
    at: ['body.NeutronError', 'body.error'],
  },
  'network versions: GET without a token': {
    why: "keystonemiddleware answers in the form of Keystone's errors, Ingot in that of Neutron's",
    at: ['body.NeutronError', 'body.error'],
  },
  'network versions: GET an extension': {
    why: 'each has its own words and time',
    at: ['body.extension.description', 'body.extension.updated'],
  },
  'network versions: GET an unknown extension': {
    why: 'Neutron answers with a text of webob',
    at: ['body.NeutronError', 'body.error'],
  },
  'network networks: GET listed by is_default=true': {
    why: 'Neutron filters only external networks by it',
    at: [
      'body.networks.[many1]',
      'body.networks.[many2]',
      'body.networks.[{flat}]',
      'body.networks.[{full}]',
      'body.networks.[{outside}]',
      'body.networks.[{plain}]',
      'body.networks.[{vlan}]',
    ],
  },
  'network odd networks: POST is_default 1': {
    why: 'Ingot has no default networks of auto-allocated topologies',
    status: [201, 400],
  },
  'network subnets: POST with a gateway outside': {
    why: 'Ingot wants a gateway that the hosts of the subnet reach',
    status: [201, 400],
  },
  'network subnets: POST of one address': {
    why: 'Ingot keeps subnets of one or two addresses: no server of DHCP has to be on them',
    status: [400, 201],
  },
  'network subnets: POST of two addresses': {
    why: 'Ingot keeps subnets of one or two addresses: no server of DHCP has to be on them',
    status: [400, 201],
  },
  'network subnets: PUT wrong service types': { why: 'Neutron checks them only when a subnet is made', status: [200, 400] },
  'network odd subnets: POST cidr " 10.140.1.0/24"': { why: 'Neutron ignores the blank', status: [201, 400] },
  'network odd subnets: POST service_types ["x"]': {
    why: 'Neutron has an exception for each of its checks',
    at: ['body.NeutronError.type'],
  },
  'network odd subnets: POST service_types [5]': {
    why: 'Neutron has an exception for each of its checks',
    at: ['body.NeutronError.type'],
  },
  'network odd subnets: POST subnetpool_id "prefix_delegation"': {
    why: 'no prefix delegation (docs/limits.md)',
    status: [400, 404],
  },
  'network subnet pools: POST min_prefixlen 0': { why: 'Neutron fails on 0', status: [500, 201] },
  'network subnet pools: POST of a pool, too long': {
    why: "netaddr's error comes before Neutron's own",
    at: ['body.NeutronError.type'],
  },
  'network ports: POST of no addresses': {
    why: 'Neutron tells a port that wanted no addresses from others by ip_allocation',
    at: ['body.port.ip_allocation'],
  },
  'network ports: POST of the gateway': {
    why: "the gateway's address is the router's, whether Ingot knows it or not",
    status: [201, 409],
  },
  'network ports: POST of an unknown subnet': {
    why: 'a subnet that is not of the network is refused, whether it exists or not',
    status: [404, 400],
  },
  'network ports: POST of six addresses': { why: 'at most five (docs/limits.md)', status: [201, 400] },
  'network ports: POST of an address twice': { why: 'the second is in use by the first', status: [400, 409] },
  'network ports: PUT groups of no addresses': {
    why: 'Neutron tells a port that wanted no addresses from others by ip_allocation',
    at: ['body.port.ip_allocation'],
  },
  'network ports: PUT no groups of no addresses': {
    why: 'Neutron tells a port that wanted no addresses from others by ip_allocation',
    at: ['body.port.ip_allocation'],
  },
  'network odd ports: POST mac_address null': {
    why: 'Neutron accepts null and more forms, and groups of stations',
    status: [201, 400],
  },
  'network odd ports: POST mac_address "01:00:00:00:00:00"': {
    why: 'Neutron accepts null and more forms, and groups of stations',
    status: [201, 400],
  },
  'network odd ports: POST mac_address "fa163e000008"': {
    why: 'Neutron accepts null and more forms, and groups of stations',
    status: [201, 400],
  },
  'network odd ports: POST fixed_ips [{}]': { why: 'there is no subnet that an address could be of', status: [400, 409] },
  'network odd ports: POST binding:host_id 5': { why: 'Neutron keeps a number', status: [201, 400] },
  'network odd ports: POST binding:vnic_type "direct"': { why: 'ports are those of machines', status: [201, 400] },
  'network odd ports: POST dns_name "a."': { why: 'names are in the domain openstacklocal (docs/limits.md)', status: [201, 400] },
  'network odd ports: PUT mac_address null': {
    why: 'Neutron accepts null and more forms, and groups of stations',
    status: [200, 400],
  },
};
