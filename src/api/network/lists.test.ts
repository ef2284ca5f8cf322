/** Lists of the network service: filters, sort keys and pages of Neutron (neutron/api/api_common.py). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openApiFixture } from '#test/api-fixture.ts';

const fixture = await openApiFixture();
after(() => fixture.close());
const base = '/network/v2.0';

async function create(noun: string, fields: object) {
  const reply = await fixture.ask({ method: 'POST', url: `${base}/${noun}s`, payload: { [noun]: fields } });
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body[noun];
}

const east = { 'provider:network_type': 'flat', 'provider:physical_network': 'east' };
const open = await create('network', { name: 'open', shared: true, mtu: 9000, ...east });
const closed = await create('network', { name: 'closed', admin_state_up: false });
const four = await create('subnet', {
  ...{ network_id: open.id, name: 'four', ip_version: 4, cidr: '10.1.0.0/24', dns_nameservers: ['9.9.9.9'] },
  ...{
    host_routes: [{ destination: '10.9.0.0/16', nexthop: '10.1.0.2' }],
    allocation_pools: [{ start: '10.1.0.5', end: '10.1.0.9' }],
  },
});
await create('subnet', {
  network_id: closed.id,
  name: 'six',
  ip_version: 6,
  cidr: 'fd00::/64',
  gateway_ip: null,
  enable_dhcp: false,
});
for (const name of ['p1', 'p2', 'p3', 'p4', 'p5']) await create('port', { network_id: open.id, name });

async function namesOf(plural: string, query: string): Promise<string[]> {
  const { status, body } = await fixture.ask({ url: `${base}/${plural}?${query}` });
  assert.equal(status, 200, `${query}: ${JSON.stringify(body)}`);
  return body[plural].map(({ name }: { name: string }) => name);
}

const filters: [plural: string, query: string, names: string[]][] = [
  ['networks', 'shared=True', ['open']],
  ['networks', 'admin_state_up=0', ['closed']],
  ['networks', 'router:external=false', ['open', 'closed']],
  ['networks', 'mtu=9000', ['open']],
  ['networks', 'mtu=large', []],
  ['networks', `subnets=${four.id}`, ['open']],
  ['networks', 'provider:physical_network=east', ['open']],
  ['networks', 'provider:network_type=flat&name=open', ['open']],
  ['networks', 'status=ACTIVE&status=DOWN', ['open', 'closed']],
  ['networks', 'status=DOWN', []],
  ['networks', 'tags=red', []],
  ['networks', 'not-tags-any=red', ['open', 'closed']],
  ['networks', 'changed_since=2000-01-01T00:00:00', ['open', 'closed']],
  ['networks', 'changed_since=2100-01-01T00:00:00Z', []],
  ['networks', `tenant_id=${open.project_id}`, ['open', 'closed']],
  ['subnets', 'ip_version=6', ['six']],
  ['subnets', 'gateway_ip=', ['six']],
  ['subnets', 'gateway_ip=10.1.0.1', ['four']],
  ['subnets', 'shared=true', ['four']],
  ['subnets', 'enable_dhcp=off', ['six']],
  ['subnets', 'dns_nameservers=9.9.9.9', ['four']],
  ['subnets', 'host_routes=nexthop%3D10.1.0.2', ['four']],
  ['subnets', 'allocation_pools=start%3D10.1.0.5', ['four']],
  ['subnets', 'subnetpool_id=none', []],
  ['ports', `fixed_ips=subnet_id%3D${four.id}&fixed_ips=ip_address%3D10.1.0.5&name=p1`, ['p1']],
  ['ports', `fixed_ips=subnet_id%3D${four.id}&fixed_ips=ip_address%3D10.1.0.6&name=p1`, []],
  ['ports', 'fixed_ips=ip_address%3D10.1.0.6&fixed_ips=ip_address%3D10.1.0.8', ['p2', 'p4']],
  ['ports', 'binding:vif_type=other', []],
  ['ports', 'binding:vnic_type=baremetal&binding:host_id=&binding:vif_type=unbound&name=p1', ['p1']],
  ['ports', 'status=DOWN&admin_state_up=yes&name=p1', ['p1']],
];

for (const [plural, query, names] of filters) {
  test(`${plural}?${query}`, async () => {
    assert.deepEqual(await namesOf(plural, query), names);
  });
}

const refusals: [query: string, message: RegExp][] = [
  ['networks?colour=red', /^\['colour'\] is invalid attribute for filtering$/],
  ['networks?shared=perhaps', /^Invalid input for operation: 'perhaps' cannot be converted to boolean\.$/],
  ['networks?toString=x', /is invalid attribute for filtering/],
  ['subnets?sort_key=dns_nameservers', /^\['dns_nameservers'\] is invalid attribute for sort_keys$/],
  ['ports?limit=-1', /^Bad limit request: Limit must be an integer 0 or greater and not '-1'\.$/],
  ['ports?changed_since=yesterday', /'yesterday' is not a valid time/],
];

for (const [query, message] of refusals) {
  test(`${query} is rejected`, async () => {
    const { status, body } = await fixture.ask({ url: `${base}/${query}` });

    assert.equal(status, 400);
    assert.match(body.NeutronError.message, message);
  });
}

test("rejects administrators' filters of others, as if the fields did not exist", async () => {
  const url = '/identity/v3';
  const project = (await fixture.ask({ method: 'POST', url: `${url}/projects`, payload: { project: { name: 'm' } } })).body
    .project;
  const user = (await fixture.ask({ method: 'POST', url: `${url}/users`, payload: { user: { name: 'm', password: 'secret' } } }))
    .body.user;
  await fixture.ask({ method: 'PUT', url: `${url}/projects/${project.id}/users/${user.id}/roles/member` });
  const headers = { 'x-auth-token': await fixture.logIn('m', 'secret', 'm') };
  const statusOf = async (query: string) => (await fixture.ask({ url: `${base}/${query}`, headers })).status;

  assert.equal(await statusOf('networks?provider:physical_network=east'), 400);
  assert.equal(await statusOf('ports?binding:host_id='), 400);
  assert.deepEqual(
    (await fixture.ask({ url: `${base}/subnets`, headers })).body.subnets.map(({ name }: { name: string }) => name),
    ['four'],
  );
});

test('page_reverse pages backwards from the end, with links in both directions', async () => {
  const page = async (url: string) => {
    const { body } = await fixture.ask({ url });
    const links = (body.ports_links ?? []) as { rel: string; href: string }[];
    const linkTo = (rel: string) => links.find((link) => link.rel === rel)?.href;
    return { names: body.ports.map(({ name }: { name: string }) => name), next: linkTo('next'), previous: linkTo('previous') };
  };

  const last = await page(`${base}/ports?limit=2&page_reverse=True`);
  const middle = await page(last.previous ?? '');
  const first = await page(middle.previous ?? '');
  const again = await page(middle.next ?? '');

  assert.deepEqual([first.names, middle.names, last.names, again.names], [['p1'], ['p2', 'p3'], ['p4', 'p5'], ['p4', 'p5']]);
  assert.deepEqual([last.next, first.previous], [undefined, undefined]);
});
