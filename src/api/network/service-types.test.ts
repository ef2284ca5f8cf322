/** Service types of subnets (neutron/db/ipam_backend_mixin.py), and DHCP options of ports (neutron/db/extradhcpopt_db.py). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own } = await openTwoProjects();
after(() => fixture.close());

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
async function ask(method: Method, path: string, payload?: object, headers: object = {}) {
  const url = `/network/v2.0${path}`;
  const { status, body } = await fixture.ask({ method, url, headers: { ...headers }, ...(payload && { payload }) });
  return { status, body, type: body?.NeutronError?.type };
}

test('only ports of the named device owners get addresses of a subnet', async () => {
  const network_id = (await ask('POST', '/networks', { network: { name: 'typed' } })).body.network.id;
  const makeSubnet = async (third: number, service_types: string[]) =>
    (await ask('POST', '/subnets', { subnet: { network_id, ip_version: 4, cidr: `10.93.${third}.0/24`, service_types } })).body
      .subnet;
  const makePort = async (fields: object) => {
    const { status, body, type } = await ask('POST', '/ports', { port: { network_id, ...fields } });
    return status === 201 ? body.port.fixed_ips[0]?.ip_address : [status, type];
  };
  const typed = await makeSubnet(1, ['compute:nova', 'compute:nova', 'network:router_gateway']);
  assert.deepEqual(typed.service_types, ['compute:nova', 'network:router_gateway']);
  assert.deepEqual(await makePort({}), [409, 'IpAddressGenerationFailureNoMatchingSubnet']);
  assert.equal(await makePort({ fixed_ips: [] }), undefined);
  assert.equal(await makePort({ device_owner: 'compute:nova' }), '10.93.1.2');
  await makeSubnet(2, []);
  assert.equal(await makePort({}), '10.93.2.2');
  assert.deepEqual(await makePort({ fixed_ips: [{ subnet_id: typed.id }] }), [400, 'InvalidInput']);
  assert.equal(await makePort({ device_owner: 'compute:nova' }), '10.93.1.3');

  const url = `/subnets/${typed.id}`;
  assert.equal((await ask('GET', '/subnets?service_types=compute:nova')).body.subnets[0].id, typed.id);
  const unknown = await ask('PUT', url, { subnet: { service_types: ['printers'] } });
  assert.deepEqual([unknown.status, unknown.type], [400, 'InvalidSubnetServiceType']);
  assert.deepEqual((await ask('PUT', url, { subnet: { service_types: [] } })).body.subnet.service_types, []);
  const ownSubnet = { subnet: { service_types: ['compute:nova'] } };
  assert.equal((await ask('PUT', `/subnets/${own['subnets']}`, ownSubnet, member)).status, 403);
});

test('the DHCP options of a port are replaced one by one', async () => {
  const url = `/ports/${own['ports']}`;
  const set = async (...extra_dhcp_opts: object[]) => {
    const { status, body } = await ask('PUT', url, { port: { extra_dhcp_opts } }, member);
    return status === 200 ? body.port.extra_dhcp_opts : status;
  };
  const file = { opt_name: 'bootfile-name', opt_value: 'a.pxe', ip_version: 4 };
  const router = { opt_name: 'router', opt_value: '', ip_version: 6 };
  assert.deepEqual(await set({ opt_name: 'bootfile-name', opt_value: 'a.pxe' }), [file]);
  assert.deepEqual(await set(router), [file, router]);
  assert.deepEqual(await set({ ...file, opt_value: 'b.pxe' }), [{ ...file, opt_value: 'b.pxe' }, router]);
  assert.deepEqual(await set({ ...file, opt_value: null }), [router]);
  assert.equal(await set({ ...file, opt_value: ' ' }), 400);
  assert.equal(await set({ ...file, opt_name: ' ' }), 400);
  assert.equal(await set({ ...file, opt_value: 'a\nb' }), 400);
  assert.equal(await set({ ...file, ip_version: 5 }), 400);
  assert.equal(await set(...Array.from({ length: 51 }, (_, index) => ({ ...file, opt_name: `${index}` }))), 400);
  assert.deepEqual((await ask('GET', url, undefined, member)).body.port.extra_dhcp_opts, [router]);
  const { port } = (await ask('POST', '/ports', { port: { network_id: own['networks'], extra_dhcp_opts: [file] } }, member)).body;
  assert.deepEqual(port.extra_dhcp_opts, [file]);
});
