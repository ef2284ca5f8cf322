/** Names in DNS (neutron/plugins/ml2/extensions/dns_integration.py, neutron/db/dns_db.py). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own } = await openTwoProjects();
after(() => fixture.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
async function ask(method: Method, path: string, payload?: object, headers: object = member) {
  const url = `/network/v2.0${path}`;
  const { status, body } = await fixture.ask({ method, url, headers: { ...headers }, ...(payload && { payload }) });
  return { status, body, message: body?.NeutronError?.message };
}

test('addresses of a port have its name, or one of their own', async () => {
  const { network } = (await ask('POST', '/networks', { network: { name: 'named', dns_domain: 'Example.ORG.' } })).body;
  await ask('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.94.0.0/24' } });
  const named = (await ask('POST', '/ports', { port: { network_id: network.id, dns_name: 'Web-1' } })).body.port;
  const unnamed = (await ask('POST', '/ports', { port: { network_id: network.id } })).body.port;

  assert.equal(network.dns_domain, 'example.org.');
  assert.equal(named.dns_name, 'web-1');
  const at = named.fixed_ips[0].ip_address;
  assert.deepEqual(named.dns_assignment, [{ ip_address: at, hostname: 'web-1', fqdn: 'web-1.openstacklocal.' }]);
  assert.deepEqual([unnamed.dns_name, unnamed.dns_assignment[0].fqdn], ['', 'host-10-94-0-3.openstacklocal.']);

  const renamed = await ask('PUT', `/ports/${named.id}`, { port: { dns_name: '' } });
  assert.equal(renamed.body.port.dns_assignment[0].hostname, 'host-10-94-0-2');
  const changed = await ask('PUT', `/networks/${network.id}`, { network: { name: 'other' } });
  assert.equal(changed.body.network.dns_domain, 'example.org.');
  const cleared = await ask('PUT', `/networks/${network.id}`, { network: { dns_domain: '' } });
  assert.equal(cleared.body.network.dns_domain, '');
});

const label = 'a'.repeat(60);
const long = [label, label, label, label].join('.');

test('what is no name of a host is refused', async () => {
  const network_id = own['networks'];
  const ofPort = (dns_name: unknown) => ask('POST', '/ports', { port: { network_id, dns_name } });
  const ofNetwork = (dns_domain: unknown) => ask('POST', '/networks', { network: { dns_domain } });
  for (const [reply, expected] of [
    [await ofPort('web\n'), /alphanumeric or a hyphen/],
    [await ofPort('web\u0000'), /./],
    [await ofPort('web,option:router'), /alphanumeric or a hyphen/],
    [await ofPort('-web'), /start or end with a hyphen/],
    [await ofPort('web.10'), /must not be all numeric/],
    [await ofPort('web.example.org.'), /not in the domain openstacklocal/],
    [await ofPort(long), /longer than 255/],
    [await ofPort('a'.repeat(300)), /./],
    [await ofPort(null), /./],
    [await ofPort({ a: 1 }), /./],
    [await ofNetwork('example.org'), /is not a FQDN/],
    [await ofNetwork('exa_mple.org.'), /alphanumeric or a hyphen/],
    [await ofNetwork('.'), /empty component/],
    [await ofNetwork(`${long}.${'b'.repeat(10)}.`), /no room for a sub-domain/],
  ] as const) {
    assert.equal(reply.status, 400, JSON.stringify(reply.body));
    assert.match(reply.message, expected);
  }
});

test('a floating IP has a name and a domain, or neither', async () => {
  const { network } = (await ask('POST', '/networks', { network: { name: 'out', 'router:external': true } }, {})).body;
  await ask('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '198.51.100.0/24' } }, {});
  const create = (fields: object) => ask('POST', '/floatingips', { floatingip: { floating_network_id: network.id, ...fields } });

  assert.match((await create({ dns_name: 'www' })).message, /dns_name cannot be specified without a dns_domain/);
  assert.match((await create({ dns_domain: 'example.org.' })).message, /dns_domain cannot be specified without a dns_name/);
  assert.match((await create({ dns_name: 'www.', dns_domain: 'example.org.' })).message, /relative domain name/);
  const filled = `${long}.${'b'.repeat(9)}`;
  assert.match((await create({ dns_name: filled, dns_domain: 'org.' })).message, /no room for a domain/);
  const { floatingip } = (await create({ dns_name: 'WWW', dns_domain: 'example.org.' })).body;
  assert.deepEqual([floatingip.dns_name, floatingip.dns_domain], ['www', 'example.org.']);
  const plain = (await create({})).body.floatingip;
  assert.deepEqual([plain.dns_name, plain.dns_domain], ['', '']);
  assert.equal((await ask('PUT', `/floatingips/${plain.id}`, { floatingip: { dns_name: 'www' } })).status, 400);
});
