import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BootPlan } from '#drivers/interfaces.ts';
import { readSettings } from '#settings.ts';
import { checkGolden } from '#test/golden/check-golden.ts';
import { checkDhcpSettings, clientNames, renderDhcpConfig, renderHosts, renderTftpConfig } from './dnsmasq-config.ts';

const flags = { 'provisioning.address': '172.30.0.1', 'provisioning.interface': 'br0', 'provisioning.cidr': '172.30.0.0/22' };
const settingsOf = (more: Record<string, string> = {}) => readSettings({ flags: { ...flags, ...more } });
const files = { hosts: '/s/dhcp-hosts', options: '/s/dhcp-options', leases: '/s/dhcp-leases', pid: '/s/dhcp.pid' };
const planOf = (node: string, macs: BootPlan['macs']): BootPlan => ({
  node_uuid: node,
  folder: node,
  macs,
  firmware: 'ipxe',
  files: [],
});
const [one, two] = ['52:54:00:00:00:01', '52:54:00:00:00:02'] as const;

test('DHCP with fixed addresses only', () => {
  const firmware = new Map([
    [one, 'ipxe'],
    [two, 'pxelinux'],
    ['52:54:00:00:00:03', 'none'],
  ] as const);
  checkGolden(
    'dnsmasq-dhcp.conf',
    renderDhcpConfig({ settings: settingsOf(), http_url: 'http://172.30.0.1:8088', files, firmware, tagged: new Set([one]) }),
  );
});

test('DHCP with a pool, a router and name servers', () => {
  const settings = settingsOf({
    'provisioning.pool': '172.30.1.10-172.30.1.99',
    'provisioning.gateway': '172.30.0.254',
    'provisioning.dns': '1.1.1.1,9.9.9.9',
  });
  const config = renderDhcpConfig({
    settings,
    http_url: 'http://172.30.0.1:8088',
    files,
    firmware: new Map(),
    tagged: new Set(),
  });
  assert.match(config, /^dhcp-range=172\.30\.1\.10,172\.30\.1\.99,255\.255\.252\.0,10m$/m);
  assert.match(config, /^dhcp-option=option:router,172\.30\.0\.254$/m);
  assert.match(config, /^dhcp-option=option:dns-server,1\.1\.1\.1,9\.9\.9\.9$/m);
});

test('TFTP', () => checkGolden('dnsmasq-tftp.conf', renderTftpConfig(settingsOf(), '/s/tftp', '/s/tftp.pid')));

test('hosts: no tags, one line per MAC, an address once, the later plan first', () => {
  const plans = [
    planOf('a', [{ mac: one, address: '172.30.0.5', hostname: 'old' }]),
    planOf('b', [{ mac: two, address: '172.30.0.5', hostname: 'new' }]),
    planOf('c', [{ mac: '52:54:00:00:00:03', address: '10.9.9.9', hostname: 'elsewhere' }]),
  ];
  const hosts = renderHosts(settingsOf(), plans);
  assert.deepEqual(hosts.trimEnd().split('\n'), [
    `${one},id:*,old,10m`,
    `${two},id:*,172.30.0.5,new,1h`,
    '52:54:00:00:00:03,id:*,elsewhere,10m',
  ]);
  assert.doesNotMatch(hosts, /set:/);
  const moved = renderHosts(settingsOf(), [planOf('a', [{ mac: one, address: '172.30.0.5' }]), planOf('b', [{ mac: one }])]);
  assert.equal(moved, `${one},id:*,10m\n`);
});

test('identifies an InfiniBand port by its client id', () => {
  const mac = '7c:fe:90:29:26:52';
  const client_id = 'ff:00:00:00:00:00:02:00:00:02:c9:00:7c:fe:90:03:00:29:26:52';
  const hosts = renderHosts(settingsOf(), [planOf('a', [{ mac, address: '172.30.0.5', client_id }])]);
  assert.equal(hosts, `${mac},7c:fe:90:03:00:29:26:52,id:${client_id},172.30.0.5,1h\n`);
  const firmware = new Map(clientNames({ mac, client_id }).map((name) => [name, 'ipxe'] as const));
  const config = renderDhcpConfig({
    settings: settingsOf(),
    http_url: 'http://172.30.0.1:8088',
    files,
    firmware,
    tagged: new Set(),
  });
  const tags = [`dhcp-mac=set:ipxe,${mac}`, 'dhcp-mac=set:ipxe,7c:fe:90:03:00:29:26:52', `dhcp-match=set:ipxe,61,${client_id}`];
  assert.ok(config.endsWith(`${tags.join('\n')}\n`), config);
});

test('omits host names that dnsmasq would misread', () => {
  const names = ['ignore', 'Infinite', '2h', '10', 'web_1', 'web1.example.org', 'ignore-me'];
  const hosts = names.map((hostname) =>
    renderHosts(settingsOf(), [planOf('a', [{ mac: one, hostname }])])
      .split(',')
      .slice(2, -1),
  );
  assert.deepEqual(hosts, [[], [], [], [], [], ['web1'], ['ignore-me']]);
});

test('rejects settings that DHCP cannot use, by name', () => {
  checkDhcpSettings(settingsOf());
  const wrong = [
    [{ 'provisioning.cidr': '' }, /provisioning\.cidr/],
    [{ 'provisioning.cidr': '10.0.0.0/8' }, /provisioning\.address must lie/],
    [{ 'provisioning.pool': '10.0.0.1-10.0.0.9' }, /provisioning\.pool/],
    [{ 'provisioning.pool': '172.30.0.99-172.30.0.10' }, /provisioning\.pool must begin with its lower address/],
    [{ 'provisioning.interface': 'br0,eth1' }, /provisioning\.interface/],
  ] as const;
  for (const [change, message] of wrong) assert.throws(() => checkDhcpSettings(settingsOf(change)), { message });
  assert.throws(() => renderTftpConfig(settingsOf(), '/s/a,b', '/s/p'), { message: /cannot use the path/ });
});
