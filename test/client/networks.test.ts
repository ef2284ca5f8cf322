/** Referee test: the resources of the network service by the unmodified `openstack` client. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { openstackSession, withoutClient as skip } from './openstack.ts';

let fixture: ApiFixture;
let env: NodeJS.ProcessEnv;
before(async () => {
  fixture = await openApiFixture({ clock: () => 0 });
  ({ env } = await fixture.listen());
});
after(() => fixture.close());

// biome-ignore lint/suspicious/noExplicitAny: each command prints a shape of its own
async function session(commands: readonly string[]): Promise<{ replies: any[]; output: string }> {
  const { replies, output, errors } = await openstackSession(env, commands);
  return { replies, output: `${output}\n${errors}` };
}

test('security groups and their rules', { skip }, async () => {
  const { replies, output } = await session([
    'security group create --description public-web --tag public --stateful web -f json',
    'security group rule create --protocol tcp --dst-port 443 --remote-ip 10.0.0.0/8 web -f json',
    'security group rule create --protocol icmp --icmp-type 8 --icmp-code 0 --ingress web -f json',
    'security group rule create --ethertype IPv6 --remote-group default web -f json',
    'security group rule create --protocol tcp --dst-port 443 --remote-ip 10.0.0.0/8 web',
    'security group rule list web --long -f json',
    'security group set --name site --tag more web',
    'security group list --tags public,more -f json',
    'security group show site -f json',
    'network create --disable-port-security open -f json',
    'network create guarded',
    'port create --network open bare -f json',
    'subnet create --network guarded --subnet-range 10.1.0.0/24 guarded',
    'port create --network guarded --security-group site one -f json',
    'port set --no-security-group --security-group default one',
    'port show one -f json',
    'port unset --security-group default one',
    'port set --disable-port-security one',
    'port show one -f json',
    'security group unset --all-tag site',
    'security group delete site',
    'security group list -f json',
  ]);
  const [made, https, ping, six, rules, listed, shown, open, bare, one, changed, freed, left] = replies;

  assert.deepEqual([made.name, made.stateful, made.tags], ['web', true, ['public']], output);
  assert.deepEqual([https.port_range_min, https.port_range_max, https.remote_ip_prefix], [443, 443, '10.0.0.0/8']);
  assert.deepEqual([ping.protocol, ping.port_range_min, ping.port_range_max, six.ether_type], ['icmp', 8, 0, 'IPv6']);
  assert.match(output, /Security group rule already exists. Rule id is/);
  assert.equal(rules.length, 5);
  assert.deepEqual(
    listed.map((row: Record<string, string>) => row['Name']),
    ['site'],
  );
  assert.deepEqual(shown.tags, ['more', 'public']);
  assert.deepEqual([open.port_security_enabled, bare.port_security_enabled, bare.security_group_ids], [false, false, []]);
  assert.deepEqual(one.security_group_ids, [made.id]);
  assert.deepEqual([changed.security_group_ids.length, freed.security_group_ids, freed.port_security_enabled], [1, [], false]);
  assert.deepEqual(
    left.map((row: Record<string, string>) => row['Name']),
    ['default'],
  );
});

test('tags, revisions and quotas', { skip }, async () => {
  const { replies, output } = await session([
    'network create --tag red --tag blue --description first tagged -f json',
    'subnet create --tag red --network tagged --subnet-range 10.2.0.0/24 tagged -f json',
    'port create --tag red --network tagged tagged -f json',
    'network set --tag green tagged',
    'network unset --tag blue tagged',
    'network show tagged -f json',
    'network list --tags red,green -f json',
    'network list --not-any-tags red -c Name -f json',
    'port set --no-tag --tag white tagged',
    'port list --any-tags white,red -f json',
    'subnet list --not-tags red -f json',
    'quota set --networks 7 --secgroups 20 admin',
    'quota show admin -f json',
    'quota set --networks 1 admin',
    'quota list --network -f json',
    'quota show --default -f json',
  ]);
  const [network, subnet, port, changed, byTags, untagged, ports, subnets, quota, quotas, byDefault] = replies;

  assert.deepEqual(
    [network.tags, network.description, subnet.tags, port.tags],
    [['blue', 'red'], 'first', ['red'], ['red']],
    output,
  );
  assert.deepEqual(changed.tags, ['green', 'red']);
  assert.equal(changed.revision_number > network.revision_number, true);
  assert.deepEqual([byTags.length, untagged.length, ports.length, subnets.length], [1, 2, 1, 1], output);
  assert.deepEqual([quota.networks, quota.secgroups], [7, 20], output);
  assert.match(output, /Quota limit 1 for network must be greater than or equal to already used 3/);
  assert.equal(quotas.length, 1);
  assert.equal(byDefault.networks, 100);
});

test('RBAC policies and address groups', { skip }, async () => {
  const { replies, output } = await session([
    'project create guests -f json',
    'network create lent',
    'network rbac create --type network --action access_as_shared --target-project guests lent -f json',
    'network rbac list --long -f json',
    'security group create lent',
    'network rbac create --type security_group --action access_as_shared --target-all-projects lent -f json',
    'address group create --address 10.0.0.0/24 --address 192.0.2.1 --description known hosts -f json',
    'address group set --address 198.51.100.0/24 hosts',
    'address group unset --address 192.0.2.1 hosts',
    'address group show hosts -f json',
    'security group rule create --remote-address-group hosts --protocol tcp lent -f json',
    'network rbac create --type address_group --action access_as_shared --target-project guests hosts -f json',
    'address group delete hosts',
    'network set --share lent',
    'network set --no-share lent',
    'network rbac list --type network -f json',
  ]);
  const [project, network, policies, group, list, changed, rule, third, left] = replies;

  assert.deepEqual([network.object_type, network.target_project_id], ['network', project.id], output);
  assert.deepEqual([policies.length, group.target_project_id], [1, '*']);
  assert.deepEqual(list.addresses, ['10.0.0.0/24', '192.0.2.1/32']);
  assert.deepEqual(changed.addresses, ['10.0.0.0/24', '198.51.100.0/24']);
  assert.deepEqual([rule.remote_address_group_id, third.object_type], [list.id, 'address_group']);
  assert.match(output, /is in use on one or more security group rules/);
  assert.equal(left.length, 1);
});

test('address scopes', { skip }, async () => {
  const { replies, output } = await session([
    'address scope create --ip-version 6 six -f json',
    'address scope create --share --ip-version 4 four -f json',
    'address scope set --name site four',
    'address scope set --no-share site',
    'address scope list --share -f json',
    'network rbac create --type address_scope --action access_as_shared --target-all-projects six -f json',
    'address scope show six -f json',
    'address scope delete six',
    'address scope list --ip-version 4 -f json',
  ]);
  const [six, four, shared, policy, shown, left] = replies;

  assert.deepEqual([six.ip_version, six.shared, four.ip_version, four.shared], [6, false, 4, true], output);
  assert.match(output, /Shared address scope can't be unshared/);
  assert.deepEqual(
    shared.map((row: Record<string, string>) => row['Name']),
    ['site'],
  );
  assert.deepEqual([policy.object_type, shown.shared, left.length], ['address_scope', true, 1]);
});

test('address pairs and other facts of ports, and ports by address', { skip }, async () => {
  const { replies, output } = await session([
    'network create pairs',
    'subnet create --network pairs --subnet-range 10.3.0.0/24 pairs',
    'port create --network pairs --allowed-address ip-address=10.3.0.200 --numa-policy-preferred --fixed-ip ip-address=10.3.0.77 paired -f json',
    'port set --allowed-address ip-address=10.3.1.0/24,mac-address=52:54:00:00:00:01 paired',
    'port show paired -f json',
    'port set --disable-port-security --no-security-group paired',
    'port set --no-allowed-address --disable-port-security --no-security-group --data-plane-status DOWN paired',
    'port show paired -f json',
    'port list --fixed-ip ip-substring=3.0.77 -f json',
    'port list --fixed-ip ip-address=10.3.0.78 -f json',
  ]);
  const [made, more, none, bySubstring, byAddress] = replies;

  const first = { ip_address: '10.3.0.200', mac_address: made.mac_address };
  assert.deepEqual([made.allowed_address_pairs, made.numa_affinity_policy], [[first], 'preferred'], output);
  assert.deepEqual(more.allowed_address_pairs, [first, { ip_address: '10.3.1.0/24', mac_address: '52:54:00:00:00:01' }], output);
  assert.match(output, /Port Security must be enabled in order to have allowed address pairs on a port/);
  assert.deepEqual([none.allowed_address_pairs, none.port_security_enabled, none.data_plane_status], [[], false, 'DOWN'], output);
  assert.deepEqual([bySubstring.length, byAddress.length], [1, 0], output);
});

test('trunks with subports', { skip }, async () => {
  const { replies, output } = await session([
    'network create carried',
    'port create --network carried parent -f json',
    'port create --network carried sub-1 -f json',
    'port create --network carried sub-2 -f json',
    'network trunk create --parent-port parent --subport port=sub-1,segmentation-type=vlan,segmentation-id=101 nic -f json',
    'network trunk set --name site --description vlans --subport port=sub-2,segmentation-type=vlan,segmentation-id=102 nic',
    'network subport list --trunk site -f json',
    'port show parent -f json',
    'port delete sub-1',
    'network trunk unset --subport sub-1 site',
    'network trunk show site -f json',
    'network trunk list --long -f json',
    'network trunk set --disable site',
    'network trunk delete site',
    'network trunk set --enable site',
    'network trunk delete site',
    'network trunk list -f json',
  ]);
  const [parent, one, two, made, subports, withDetails, unset, listed, none] = replies;

  const segment = (port: { id: string }, segmentation_id: number) => ({
    port_id: port.id,
    segmentation_type: 'vlan',
    segmentation_id,
  });
  assert.deepEqual([made.port_id, made.status, made.sub_ports], [parent.id, 'DOWN', [segment(one, 101)]], output);
  assert.deepEqual(
    subports.map((row: Record<string, unknown>) => [row['Port'], row['Segmentation ID']]),
    [
      [one.id, 101],
      [two.id, 102],
    ],
    output,
  );
  const details = withDetails.trunk_details;
  assert.deepEqual(details.sub_ports[1], { ...segment(two, 102), mac_address: two.mac_address }, output);
  assert.match(output, /is currently a subport for trunk/);
  assert.deepEqual([unset.name, unset.description, unset.sub_ports], ['site', 'vlans', [segment(two, 102)]], output);
  assert.equal(listed.length, 1);
  assert.match(output, /is currently disabled/);
  assert.deepEqual(none, []);
});
