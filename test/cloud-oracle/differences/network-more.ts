/** Intended differences between Neutron 21 and Ingot: security groups, sharing, routers, floating IPs, QoS, quotas, members. */
import type { Deviation } from '../../oracle/compare.ts';
import type { Difference } from '../../oracle/row.ts';
import type { Kind } from '../kind.ts';

const service = 'network';

const isNewer = ({ peer }: Deviation) => peer === undefined;
const isAbsent = ({ ingot }: Deviation) => ingot === undefined;

export const networkMoreKinds: readonly Kind[] = [
  {
    ...{ service, at: /^body\.quota\.\w+\.used$/ },
    why: 'what odd requests of earlier steps have made: each side has accepted some that the other refuses',
  },
  {
    ...{ service, at: /^body\.security_groups\.\[default\]$/, steps: /GET listed by no project$/ },
    why: "Neutron has a default group of the administrator's nameless project",
  },
  {
    ...{ service: 'identity', at: /^body\.roles\.\[\{memberRole\}\]\.description$/, steps: /: GET the role of members$/ },
    why: 'roles from the start say what they are for',
  },
  {
    ...{ service, at: /\.(belongs_to_default_sg|qos_network_policy_id)$/, holds: isNewer },
    why: 'a field of later releases',
  },
  { ...{ service, at: /\.target_project$/, holds: isNewer }, why: 'beside target_tenant, as project_id beside tenant_id' },
  {
    ...{ service, at: /\.port_forwardings\..*\.(external|internal)_port_range$/, holds: isNewer },
    why: 'a field of later releases',
  },
  {
    ...{ service, at: /\.security_group_rules\.(\[|\d)/ },
    why: "null is the description of the rules that a group has from the start, and rules name nothing by which they could be told apart; each is compared where it is made, and the steps of a single rule's GET compare it",
  },
  {
    ...{ service, at: /^body\.routers?\..*(flavor_id|distributed|gw_port_id|ha_vr_id)$/, holds: isAbsent },
    why: 'neither flavors of routers nor distributed or highly available ones; the port of the gateway is among the ports',
  },
  {
    ...{ service, at: /^body\.project_id$/ },
    why: 'Neutron shows the project with some changes of interfaces, beside tenant_id',
  },
  {
    ...{ service, at: /^body\.address_group\.(created_at|updated_at|revision_number|shared)$/, holds: isAbsent },
    why: 'shown after a change of addresses alone, not by GET',
  },
  {
    ...{ service, at: /^body\.quotas?\..*(trunk|router)(\.limit)?$/ },
    why: 'trunks are not counted by project, and a project may have 50 routers where Neutron lets it have 10',
  },
  {
    ...{ service, at: /^body\.quotas\.\[/, steps: /^network quotas: / },
    why: 'trunks are not counted by project, and a project may have 50 routers where Neutron lets it have 10',
  },
  {
    ...{ service, at: /^body\.service_providers\.\[/ },
    why: 'the providers of routers that Neutron chooses flavors from; Ingot has no flavors of services',
  },
  {
    ...{ service, at: /^body\.availability_zones\.\[/, holds: isNewer },
    why: 'the zone is there without agents, too (docs/limits.md)',
  },
  { ...{ service, at: /^body\.(project|tenant)\.\w+_name$/, holds: isNewer }, why: 'as the older client prints it' },
  {
    ...{ service, at: /^body\.rule_type\.drivers\./ },
    why: 'who would enforce a rule: nothing does here (docs/limits.md)',
  },
  {
    ...{ service, at: /^body\.extensions\./, steps: /^network facts: GET extensions$/ },
    why: 'each has its own words, and other extensions',
  },
  {
    ...{ service, at: /^body\.policies\./, steps: /GET listed by is_default=true$/ },
    why: 'Neutron does not filter by it and lists all',
  },
  {
    ...{ service, at: /^body\.networks\..*\.subnets\./, steps: /^network as a member: GET all of/ },
    why: 'whether a member may make subnets on a shared network',
  },
  { ...{ service, at: /\.sub_ports\.\[/, steps: /GET of a trunk$/ }, why: "MAC addresses of nobody's choice" },
];

const owned = 'whoever does not see an object is not told that it exists';
const unlimited = 'a quota below what is used is refused, as in later releases, so that the limit was never set';

export const networkMoreDifferences: Readonly<Record<string, Difference>> = {
  'network security groups: GET listed by shared=false&name=web': {
    why: 'Ingot has no such filter of groups',
    status: [200, 400],
  },
  'network security groups: POST of any': { why: 'later releases accept any for all protocols', status: [400, 201] },
  'network odd security groups: GET listed with an unknown field': {
    why: 'Neutron lists empty objects',
    at: ['body.security_groups.[{}]'],
  },
  'network odd security groups: PUT missing (2)': { why: 'rules cannot be changed', status: [404, 405] },
  'network odd security groups: GET listed by an unknown marker (2)': {
    why: "Neutron's answer depends on the resource",
    status: [200, 400],
  },
  'network odd security groups: POST ethertype "ipv4"': {
    why: 'the rule was made by ethertype null, which Neutron refuses',
    status: [201, 409],
  },
  'network odd security groups: POST ethertype 5': {
    why: 'Neutron has an exception for each of its checks',
    at: ['body.NeutronError.type'],
  },
  'network odd security groups: POST port_range_min []': {
    why: 'Neutron has an exception for each of its checks',
    at: ['body.NeutronError.type'],
  },
  'network odd security groups: POST port_range_min 1.5': {
    why: 'Neutron has an exception for each of its checks',
    at: ['body.NeutronError.type'],
  },
  'network odd security groups: POST remote_ip_prefix 5': {
    why: 'Neutron has an exception for each of its checks',
    at: ['body.NeutronError.type'],
  },
  'network odd security groups: POST remote_ip_prefix []': { why: 'no text is no prefix', status: [409, 400] },
  'network odd security groups: POST description null (2)': {
    why: 'the rule was made by a step whose request Neutron refuses',
    status: [400, 409],
  },
  'network sharing: POST of nothing': { why: owned, status: [400, 404] },
  'network sharing: POST of theirs': { why: owned, status: [400, 404] },
  'network sharing: GET listed by a wrong limit': { why: 'Neutron ignores limits of this list', status: [200, 400] },
  'network sharing: GET listed by a negative limit': { why: 'Neutron ignores limits of this list', status: [200, 400] },
  'network sharing: POST target_tenant ""': { why: 'it would be a policy for nobody', status: [201, 400] },
  'network sharing: GET listed by object_id={net}&fields=action&fields=target_tenant&fields=object_id': {
    why: 'the policy for nobody',
    at: ['body.rbac_policies.[{"action":"access_as_shared","object_id":"{net}","target_tenant":""}]'],
  },
  'network routers: POST several': { why: 'Ingot makes several of each resource', status: [400, 201] },
  'network routers: PUT an interface of an odd subnet': { why: 'what is no id is the id of nothing', status: [400, 404] },
  'network routers: GET of an interface': {
    why: 'ports of routers have neither security groups nor port security',
    at: ['body.port.port_security_enabled', 'body.port.security_groups.["UUID"]'],
  },
  'network floating IPs: POST dns_name "x"': { why: 'a name is of a domain', status: [201, 400] },
  'network floating IPs: GET listed by device_owner=network:floatingip&fixed_ips=ip_address%3D203.0.113.20&fields=device_owner&fields=tenant_id&fields=status&fields=security_groups&fields=device_id':
    {
      why: 'Neutron has a status of its own for them',
      at: [
        'body.ports.[{"device_id":"{floating}","device_owner":"network:floatingip","security_groups":{"[]":"a list"},"status":"DOWN","tenant_id":""}]',
        'body.ports.[{"device_id":"{floating}","device_owner":"network:floatingip","security_groups":{"[]":"a list"},"status":"N/A","tenant_id":""}]',
      ],
    },
  'network floating IPs: PUT an odd port': { why: 'what is no id is the id of nothing', status: [400, 404] },
  'network floating IPs: POST of the target of forwardings': {
    why: 'Neutron takes one of the first free addresses by chance',
    at: ['body.floatingip.floating_ip_address'],
  },
  'network floating IPs: DELETE floating': { why: 'Neutron has deleted it with its port', status: [404, 204] },
  'network floating IPs: DELETE ofSubnet': { why: 'Neutron has deleted it with its port', status: [404, 204] },
  'network QoS: GET a limit of another policy': { why: 'a rule is of its policy', status: [200, 404] },
  'network quotas: DELETE quotas again': {
    why: 'the name of later releases',
    at: ['body.NeutronError.type'],
  },
  'network odd security groups: POST remote_group_id 5': { why: 'what is no text is no id', status: [404, 400] },
  'network quotas: PUT odd {"network":"7"}': { why: unlimited, status: [200, 400] },
  'network quotas: PUT odd {}': { why: unlimited, at: ['body.quota.network'] },
  'network quotas: PUT one network': { why: unlimited, status: [200, 400] },
  'network quotas: POST over the quota': { why: unlimited, status: [409, 201] },
  'network quotas: POST a router over the quota': { why: unlimited, status: [409, 201] },
  'network quotas: POST a group over the quota': { why: unlimited, status: [409, 201] },
  'network quotas: DELETE quotas at last': { why: unlimited, status: [204, 404] },
  'network facts: POST an agent': { why: 'agents are made by their reports (docs/limits.md)', status: [400, 501] },
  'network facts: GET zones by an unknown filter': { why: 'Ingot ignores it', status: [400, 200] },
  'network facts: GET floating IP pools': { why: 'no pools of floating IPs (docs/limits.md)', status: [200, 404] },
  'network facts: GET topology': { why: 'no auto-allocated topologies (docs/limits.md)', status: [409, 404] },
  'network facts: GET agents of nothing': { why: 'there is no such network', status: [200, 404] },
  'network as a member: GET listed by provider:network_type=vlan&name=mine': {
    why: 'a field that a caller does not see is none to filter by',
    status: [200, 400],
  },
  'network as a member: POST on the shared': { why: 'the rule create_subnet of later releases', status: [201, 403] },
  'network as a member: POST with service types': { why: 'the rule create_subnet:service_types', status: [201, 403] },
  'network as a member: GET all of /quotas': { why: "a member sees its project's own", status: [403, 200] },
  'network as a member: GET all of /default-security-group-rules': { why: 'a resource of later releases', status: [404, 200] },
  'network as a member: GET all of /floatingip_pools': { why: 'no pools of floating IPs (docs/limits.md)', status: [200, 404] },
  'network as a member: DELETE mine (2)': { why: 'a port of the subnet that Neutron let a member make', status: [204, 409] },
};
