/** What DHCP gives to machines without a plan, by the real dnsmasq and a real client in separate network namespaces. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BootPlan } from '#drivers/interfaces.ts';
import { BootNetwork, whyNoBootNetwork } from '#test/a-boot-network.ts';
import { BootServerProcess } from '#test/a-boot-server-process.ts';

const skip = whyNoBootNetwork();
const mac = '52:54:00:aa:00:01';
const other = '52:54:00:aa:00:04';
const port = { mac, address: '172.31.9.21', hostname: 'web', options: [] };
const optionsOf = (...pairs: [string, string][]) => pairs.map(([name, value]) => ({ name, value }));
let network: BootNetwork;
let state: string;
let server: BootServerProcess;

before(async () => {
  if (skip) return;
  state = await mkdtemp(join(tmpdir(), 'ingot-port-addresses-'));
  await writeFile(join(state, 'kernel'), 'a kernel', { mode: 0o600 });
  network = new BootNetwork();
  server = new BootServerProcess(network.server, {
    state_dir: state,
    'provisioning.address': network.address,
    'provisioning.interface': network.bridge,
    'provisioning.cidr': network.cidr,
    'provisioning.gateway': '172.31.9.254',
  });
  await server.call('start');
});
after(async () => {
  if (skip) return;
  await server?.kill('SIGTERM');
  network?.close();
  await rm(state, { recursive: true, force: true });
});

const plan: BootPlan = {
  node_uuid: 'node-1',
  folder: 'server-1',
  macs: [{ mac, address: '172.31.9.11' }],
  firmware: 'ipxe',
  files: [{ name: 'deploy_kernel', path: '' }],
  ipxe_script: '#!ipxe\n',
};

test('a port has its address until it is deleted, and other machines get none', { skip }, async () => {
  assert.equal(network.dhcp(mac, { tries: 2 }), undefined);

  await server.call('assign', [port]);
  const lease = network.dhcp(mac);
  assert.deepEqual([lease?.ip, lease?.router, lease?.hostname], [port.address, '172.31.9.254', 'web']);
  assert.equal(lease?.domain, 'openstacklocal');
  assert.equal(network.dhcp('52:54:00:aa:00:02', { tries: 2 }), undefined);

  await server.call('assign', [{ ...port, address: '172.31.9.22' }]);
  assert.equal(network.dhcp(mac)?.ip, '172.31.9.22');

  await server.call('assign', []);
  assert.equal(network.dhcp(mac, { tries: 2 }), undefined);
});

test('a boot plan wins, and after its end the machine boots nothing from the network', { skip }, async () => {
  await server.call('assign', [port]);
  await server.publish({ ...plan, files: [{ name: 'deploy_kernel', path: join(state, 'kernel') }] });

  const planned = network.dhcp(mac, { architecture: 7 });
  assert.deepEqual([planned?.ip, planned?.boot_file], ['172.31.9.11', 'snponly.efi']);

  await server.call('withdraw', 'node-1');
  const deployed = network.dhcp(mac, { architecture: 7 });
  assert.deepEqual([deployed?.ip, deployed?.boot_file], [port.address, undefined]);
  const iPXE = network.dhcp(mac, { isIpxe: true });
  assert.deepEqual([iPXE?.ip, iPXE?.boot_file], [port.address, undefined]);
});

test('knows the ports again after a restart of dnsmasq', { skip }, async () => {
  await server.call('assign', [port]);
  await server.publish({ ...plan, macs: [{ mac: '52:54:00:aa:00:03' }], firmware: 'pxelinux', files: [], pxelinux_config: '' });

  assert.equal(network.dhcp(mac)?.ip, port.address);
});

test('a port has the options of its subnet and its own, which change without a restart', { skip }, async () => {
  const routes = '10.1.0.0/16,172.31.9.7,0.0.0.0/0,172.31.9.253';
  const ofSubnet = optionsOf(['dns-server', '9.9.9.9'], ['router', '172.31.9.253'], ['classless-static-route', routes]);
  const own = optionsOf(['mtu', '1400'], ['42', '172.31.9.9,172.31.9.8'], ['bootfile-name', 'a,b #c"\\'], ['tag:!ipxe,66', 'x']);
  await server.call('assign', [{ ...port, options: [...ofSubnet, ...own] }]);
  const lease = network.dhcp(mac);
  assert.deepEqual(
    [lease?.dns, lease?.router, lease?.staticroutes, lease?.mtu, lease?.ntpsrv, lease?.bootfile],
    ['9.9.9.9', '172.31.9.253', '10.1.0.0/16 172.31.9.7 0.0.0.0/0 172.31.9.253', '1400', '172.31.9.9 172.31.9.8', 'a,b #c"\\'],
  );

  const starts = async () => ((await server.call('log')) as string[]).filter((line) => /DHCP.*started/i.test(line)).length;
  const before = await starts();
  for (const mtu of ['1401', '1402', '1403']) {
    await server.call('assign', [{ ...port, options: optionsOf(['mtu', '1300'], ['router', ''], ['mtu', mtu]) }]);
    const changed = network.dhcp(mac);
    assert.deepEqual([changed?.mtu, changed?.router, changed?.dns], [mtu, undefined, undefined]);
  }
  assert.equal(await starts(), before);
});

test('options that do not fit are left out, and reach nobody else', { skip }, async () => {
  const hostile = optionsOf(
    ...([
      ['router', '172.31.9.66\n6,6.6.6.6'],
      ['dns-server', '6.6.6.6 #'],
      ['mtu', '70000'],
      ['mtu', '1x'],
      ['classless-static-route', '10.0.0.0/8'],
      ['54', '172.31.9.66'],
      ['lease-time', '1'],
      ['tag:known,6', '6.6.6.6'],
      ['option:router,172.31.9.66', 'x'],
      ['domain-name', '\u00e9'],
      ['domain-search', 'a..b'],
      ['bootfile-name', `x\n6,6.6.6.6`],
      ['200', '"'],
      ['201', 'a'.repeat(300)],
      ['999', '1'],
    ] satisfies [string, string][]),
  );
  await server.call('assign', [
    { ...port, options: [...hostile, ...optionsOf(['ntp-server', '172.31.9.9'])] },
    { ...port, mac: other, address: '172.31.9.24' },
  ]);
  const [lease, beside] = [network.dhcp(mac), network.dhcp(other)];
  assert.deepEqual([lease?.router, lease?.ntpsrv, lease?.dns, lease?.mtu], ['172.31.9.254', '172.31.9.9', undefined, undefined]);
  assert.deepEqual([lease?.bootfile, lease?.domain], [undefined, 'openstacklocal']);
  assert.deepEqual(
    [beside?.ip, beside?.router, beside?.ntpsrv, beside?.dns],
    ['172.31.9.24', '172.31.9.254', undefined, undefined],
  );
  const log = (await server.call('log')) as string[];
  assert.deepEqual(
    log.filter((line) => line.includes('bad dhcp-option')),
    [],
  );
});

test('a boot plan wins over the options of a port', { skip }, async () => {
  const options = optionsOf(['bootfile-name', 'evil'], ['server-ip-address', '172.31.9.66'], ['router', '172.31.9.66']);
  await server.call('assign', [{ ...port, options }]);
  const own = network.dhcp(mac);
  assert.deepEqual([own?.bootfile, own?.siaddr], ['evil', '172.31.9.66']);
  await server.publish({ ...plan, files: [{ name: 'deploy_kernel', path: join(state, 'kernel') }] });
  const planned = network.dhcp(mac, { architecture: 7 });
  assert.deepEqual([planned?.boot_file, planned?.router, planned?.siaddr], ['snponly.efi', '172.31.9.254', network.address]);
  await server.call('withdraw', 'node-1');
  assert.equal(network.dhcp(mac)?.bootfile, 'evil');
});
