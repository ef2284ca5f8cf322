/**
 * Another host on the provisioning network, in namespaces, against the real dnsmasq: what it gets, and what is
 * reported.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BootPlan } from '#drivers/interfaces.ts';
import { BootNetwork, whyNoBootNetwork } from '#test/a-boot-network.ts';
import { BootServerProcess } from '#test/a-boot-server-process.ts';

const mac = '52:54:00:aa:00:01';
const other = '52:54:00:aa:00:99';
const skip = whyNoBootNetwork();
let network: BootNetwork;
let state: string;
let server: BootServerProcess;

const scriptOfPlan = '#!ipxe\nkernel x ingot.token=secret\n';
const plan: Omit<BootPlan, 'firmware'> = {
  node_uuid: 'node-1',
  folder: 'server-1',
  macs: [{ mac, address: '172.31.9.11', hostname: 'web1' }],
  files: [{ name: 'kernel', content: "a tenant's kernel" }],
};
const curl = (...args: string[]) => network.inMachine('curl', ['-s', '-S', '-w', '\n%{http_code}', ...args]).stdout;
const script = () => curl(`http://${network.address}:8088/boot/ipxe/52-54-00-aa-00-01`);
const fromOthers = async () =>
  (await server.requests()).filter(({ isOtherMachine }) => isOtherMachine).map((request) => [request.mac, request.message]);

before(async () => {
  if (skip) return;
  state = await mkdtemp(join(tmpdir(), 'ingot-other-machines-'));
  await writeFile(join(state, 'kernel'), 'a kernel');
  network = new BootNetwork();
  server = new BootServerProcess(network.server, {
    state_dir: state,
    'provisioning.address': network.address,
    'provisioning.interface': network.bridge,
    'provisioning.cidr': network.cidr,
    'provisioning.pool': '172.31.9.100-172.31.9.120',
  });
  await server.call('start');
  await server.publish({ ...plan, firmware: 'ipxe', ipxe_script: scriptOfPlan });
});
after(async () => {
  if (skip) return;
  await server?.kill('SIGTERM');
  network?.close();
  await rm(state, { recursive: true, force: true });
});

test('refuses and reports requests from an unused address for the script or files of a machine', { skip }, async () => {
  network.takeAddress(other, '172.31.9.77');
  assert.match(script(), /\n404$/);
  assert.match(curl(`http://${network.address}:8088/boot/files/server-1/kernel`), /\n404$/);
  const reported = await fromOthers();
  assert.deepEqual(
    reported.map(([whose]) => whose),
    [mac, mac],
  );
  assert.match(reported[0]?.[1] ?? '', /^Another machine at 172\.31\.9\.77 \(MAC 52:54:00:aa:00:99\) asked for \/boot\/ipxe\//);
});

test('refuses them from the address of the machine with another MAC, whether or not the machine requested it', {
  skip,
}, async () => {
  for (const hasAsked of [false, true]) {
    if (hasAsked) assert.equal(network.dhcp(mac)?.ip, '172.31.9.11');
    network.takeAddress(other, '172.31.9.11');
    assert.match(script(), /\n404$/, hasAsked ? 'after DHCP' : 'before DHCP');
  }
});

test('does not record refused requests of another MAC at the address of the machine as its own', { skip }, async () => {
  assert.equal(network.dhcp(mac)?.ip, '172.31.9.11');
  network.takeAddress(other, '172.31.9.11');
  const before = (await server.requests()).length;
  assert.match(curl(`http://${network.address}:8088/nothing`), /\n404$/);
  assert.match(curl('-d', 'i=1', `http://${network.address}:10000/`), /\n400$/);
  let reported = (await server.requests()).slice(before);
  while (reported.length < 2) reported = (await server.requests()).slice(before);
  assert.deepEqual(
    reported.map(({ subject, address, mac: whose }) => [subject, address, whose]),
    [
      ['GET /nothing', '172.31.9.11', undefined],
      ['deploy helper', '172.31.9.11', undefined],
    ],
  );
});

test('serves the machine itself as often as it asks, until its ramdisk has reported', { skip }, async () => {
  assert.equal(network.dhcp(mac, { isIpxe: true })?.ip, '172.31.9.11');
  network.takeAddress(mac, '172.31.9.11');
  for (let time = 0; time < 3; time++) assert.equal(script(), `${scriptOfPlan}\n200`);
  await server.call('spend', plan.node_uuid);
  assert.match(script(), /\n404$/);
  const messages = (await server.requests()).map(({ message }) => message);
  assert.ok(messages.some((message) => /boot script again .* after its ramdisk had reported/.test(message)));
});

test('a spent plan stays spent after a restart', { skip }, async () => {
  await server.kill('SIGKILL');
  server = new BootServerProcess(network.server, {
    state_dir: state,
    'provisioning.address': network.address,
    'provisioning.interface': network.bridge,
    'provisioning.cidr': network.cidr,
  });
  await server.call('start');
  network.takeAddress(mac, '172.31.9.11');
  assert.match(script(), /\n404$/);
});

test('reports another machine that fetches the pxelinux configuration by TFTP, and removes it once the ramdisk has reported', {
  skip,
}, async () => {
  await server.publish({ ...plan, firmware: 'pxelinux', pxelinux_config: 'append ingot.token=secret\n' });
  const config = `tftp://${network.address}/pxelinux.cfg/01-52-54-00-aa-00-01`;
  network.takeAddress(other, '172.31.9.77');
  network.inMachine('curl', ['-s', config]);
  let reported: unknown[][] = [];
  while (reported.length === 0) reported = (await fromOthers()).filter(([, message]) => message?.includes('by TFTP'));
  assert.match(
    String(reported[0]?.[1]),
    /^Another machine at 172\.31\.9\.77 \(MAC 52:54:00:aa:00:99\) fetched pxelinux\.cfg\/01-/,
  );

  network.takeAddress(mac, '172.31.9.11');
  assert.equal(network.inMachine('curl', ['-s', config]).stdout, 'append ingot.token=secret\n');
  await server.call('spend', plan.node_uuid);
  assert.notEqual(network.inMachine('curl', ['-s', config]).status, 0);
});
