/** Referee test: routers, floating IPs and port forwardings by the unmodified `openstack` client. */
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

test('routers, floating IPs and port forwardings', { skip }, async () => {
  const { replies, output, errors } = await openstackSession(env, [
    'network create --external outside',
    'subnet create --network outside --subnet-range 192.0.2.0/24 outside',
    'network create inside',
    'subnet create --network inside --subnet-range 10.60.0.0/24 inside',
    'port create --network inside one',
    'router create --description edge --tag red edge',
    'router set --external-gateway outside --disable-snat --fixed-ip subnet=outside,ip-address=192.0.2.50 edge',
    'router add subnet edge inside',
    'router add route --route destination=10.61.0.0/24,gateway=10.60.0.9 edge',
    'router set --route destination=10.62.0.0/24,gateway=10.60.0.9 edge',
    'router show edge -f json',
    'router remove route --route destination=10.61.0.0/24,gateway=10.60.0.9 edge',
    'router unset --route destination=10.62.0.0/24,gateway=10.60.0.9 edge',
    'router list --long -f json',
    'floating ip create --port one --floating-ip-address 192.0.2.77 outside -f json',
    'floating ip list --port one -f json',
    'router unset --external-gateway edge',
    'floating ip unset --port 192.0.2.77',
    'floating ip port forwarding create --port one --internal-protocol-port 80 --external-protocol-port 8080 --protocol tcp --internal-ip-address 10.60.0.2 192.0.2.77 -f json',
    'floating ip port forwarding list 192.0.2.77 -f json',
    'floating ip delete 192.0.2.77',
    'port delete one',
    'floating ip port forwarding list 192.0.2.77 -f json',
    'floating ip delete 192.0.2.77',
    'router remove subnet edge inside',
    'router unset --external-gateway edge',
    'router delete edge',
    'router list -f json',
    'floating ip list -f json',
  ]);
  // biome-ignore lint/suspicious/noExplicitAny: each command prints a shape of its own
  const [edge, routers, floating, found, forwarding, forwardings, without, left, gone] = replies as any[];
  const all = `${output}\n${errors}`;

  assert.deepEqual([edge.external_gateway_info.enable_snat, edge.tags, edge.routes.length], [false, ['red'], 2], all);
  assert.equal(edge.external_gateway_info.external_fixed_ips[0].ip_address, '192.0.2.50');
  assert.deepEqual([routers[0].Name, routers[0].Routes], ['edge', []], all);
  assert.deepEqual([floating.fixed_ip_address, floating.router_id, floating.status], ['10.60.0.2', edge.id, 'DOWN']);
  assert.equal(found.length, 1);
  assert.match(all, /is required by one or more floating IPs/);
  assert.deepEqual([forwarding.external_port, forwarding.internal_ip_address], [8080, '10.60.0.2'], all);
  assert.deepEqual([forwardings.length, without, left, gone], [1, [], [], []]);
  assert.match(all, /in use by Port Forwarding resources/);
});
