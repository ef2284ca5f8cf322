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
const port = { mac, address: '172.31.9.21' };
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
  assert.deepEqual([lease?.ip, lease?.router], [port.address, '172.31.9.254']);
  assert.equal(network.dhcp('52:54:00:aa:00:02', { tries: 2 }), undefined);

  await server.call('assign', [{ mac, address: '172.31.9.22' }]);
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
