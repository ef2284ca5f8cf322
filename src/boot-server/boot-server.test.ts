/** The boot server with the real dnsmasq and real clients, in separate network namespaces. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { BootPlan } from '#drivers/interfaces.ts';
import { BootNetwork, type DhcpClient, whyNoBootNetwork } from '#test/a-boot-network.ts';
import { BootServerProcess, type MachineRequest } from '#test/a-boot-server-process.ts';

const macs = ['52:54:00:aa:00:01', '52:54:00:aa:00:02', '52:54:00:aa:00:03'] as const;

const clientProgram = fileURLToPath(import.meta.resolve('#test/an-infiniband-client.ts'));

const skip = whyNoBootNetwork();
let network: BootNetwork;
let state: string;
let server: BootServerProcess;

const flags = () => ({
  state_dir: state,
  'provisioning.address': network.address,
  'provisioning.interface': network.bridge,
  'provisioning.cidr': network.cidr,
  'provisioning.pool': '172.31.9.100-172.31.9.120',
  'provisioning.gateway': '172.31.9.254',
  'provisioning.dns': '172.31.9.253,172.31.9.252',
});
const planOf = (number: number, changes: Partial<BootPlan> = {}): BootPlan => ({
  node_uuid: `node-${number}`,
  folder: `server-${number}`,
  macs: [{ mac: macs[number - 1] as string, address: `172.31.9.${10 + number}`, hostname: `web${number}` }],
  firmware: 'pxelinux',
  files: [{ name: 'deploy_kernel', path: join(state, 'kernel') }],
  pxelinux_config: `default deploy\n# ${number}\n`,
  ...changes,
});
const tftp = (path: string) => network.inMachine('curl', ['-s', '-S', `tftp://${network.address}/${path}`]);
const http = (path: string) =>
  network.inMachine('curl', ['-s', '-S', '-w', '\n%{http_code}', `http://${network.address}:8088${path}`]);
const requestsOf = async (mac: string, kind: MachineRequest['kind']) =>
  (await server.requests()).filter((request) => request.mac === mac && request.kind === kind);

const restarts = async () =>
  ((await server.call('log')) as string[]).filter((line) => line.includes('could not release leases')).length;

before(async () => {
  if (skip) return;
  state = await mkdtemp(join(tmpdir(), 'ingot-boot-server-'));
  await writeFile(join(state, 'kernel'), 'a kernel', { mode: 0o600 });
  network = new BootNetwork();
  server = new BootServerProcess(network.server, flags());
  await server.call('start');
});
after(async () => {
  if (skip) return;
  await server?.kill('SIGTERM');
  network?.close();
  await rm(state, { recursive: true, force: true });
});

test('ignores a machine without a plan, and records it once', { skip }, async () => {
  assert.equal(network.dhcp(macs[0], { tries: 2 }), undefined);
  const [request, ...more] = await requestsOf(macs[0], 'dhcp');
  assert.match(request?.message ?? '', /sent DHCPDISCOVER \(ignored: no plan/);
  assert.equal(more.length, 0);
});

test('the classic chain: serves address, host name, pxelinux and its configuration by TFTP', { skip }, async () => {
  await server.publish(planOf(1));
  const lease = network.dhcp(macs[0]);
  assert.deepEqual(lease, {
    ip: '172.31.9.11',
    boot_file: 'pxelinux.0',
    siaddr: network.address,
    hostname: 'web1',
    router: '172.31.9.254',
    dns: '172.31.9.253 172.31.9.252',
    lease: '3600',
  });
  assert.equal(tftp('pxelinux.cfg/01-52-54-00-aa-00-01').stdout, 'default deploy\n# 1\n');
  assert.equal(tftp('server-1/deploy_kernel').stdout, 'a kernel');
  assert.ok(tftp('pxelinux.0').stdout.length > 10_000);
  assert.ok(tftp('ldlinux.c32').stdout.length > 10_000);
  assert.notEqual(tftp('pxelinux.cfg/default').status, 0);
  assert.notEqual(tftp('../plans/node-1.json').status, 0);

  const dhcp = await requestsOf(macs[0], 'dhcp');
  assert.deepEqual(
    dhcp.slice(-5).map(({ subject }) => subject),
    ['DHCPDISCOVER', 'DHCPOFFER', 'DHCPREQUEST', 'DHCPACK', 'boot file'],
  );
  assert.equal(dhcp.at(-1)?.message, 'is sent the boot file pxelinux.0');
  const files = await requestsOf(macs[0], 'tftp');
  const kernel = files.find(({ subject }) => subject === 'server-1/deploy_kernel');
  assert.deepEqual(kernel?.data, { outcome: 'sent', bytes: 8 });
  assert.equal(kernel?.address, '172.31.9.11');
  assert.ok(files.some(({ subject, data }) => subject === 'pxelinux.cfg/default' && data?.['outcome'] === 'missing'));
});

test('the iPXE chain: serves a loader to other firmware, and a script to iPXE', { skip }, async () => {
  await server.publish(planOf(2, { firmware: 'ipxe', pxelinux_config: undefined, ipxe_script: '#!ipxe\necho 2\n' }));
  assert.equal(network.dhcp(macs[1])?.boot_file, 'undionly.kpxe');
  assert.ok(tftp('undionly.kpxe').stdout.length > 10_000);
  const url = `http://${network.address}:8088/boot/ipxe/\${netX/mac:hexhyp}`;
  assert.equal(network.dhcp(macs[1], { isIpxe: true })?.boot_file, url);
  assert.equal(http('/boot/ipxe/52-54-00-aa-00-02').stdout, '#!ipxe\necho 2\n\n200');
  assert.equal(http('/boot/files/server-2/deploy_kernel').stdout, 'a kernel\n200');
  const reported = (await requestsOf(macs[1], 'http')).map(({ message }) => message.replace(/:? \d+ bytes$/, ''));
  assert.deepEqual(reported, [
    'fetched its boot script over HTTP',
    'started fetching /boot/files/server-2/deploy_kernel over HTTP',
    'fetched /boot/files/server-2/deploy_kernel over HTTP',
  ]);
});

test('serves UEFI firmware its own loader, by TFTP or by HTTP as it requests', { skip }, () => {
  const bootFile = (client: DhcpClient) => network.dhcp(macs[1], client)?.boot_file;
  assert.equal(bootFile({ architecture: 0 }), 'undionly.kpxe');
  assert.equal(bootFile({ architecture: 7, vendorClass: 'PXEClient:Arch:00007:UNDI:003001' }), 'snponly.efi');
  assert.equal(bootFile({ architecture: 9, vendorClass: 'PXEClient:Arch:00009:UNDI:003001' }), 'snponly.efi');
  assert.equal(tftp('snponly.efi').stdout.slice(0, 2), 'MZ');
  const url = `http://${network.address}:8088/boot/firmware/snponly.efi`;
  assert.equal(bootFile({ architecture: 16, vendorClass: 'HTTPClient:Arch:00016:UNDI:003001' }), url);
  assert.match(http('/boot/firmware/snponly.efi').stdout, /^MZ[\s\S]*\n200$/);
  const script = `http://${network.address}:8088/boot/ipxe/\${netX/mac:hexhyp}`;
  assert.equal(bootFile({ architecture: 7, isIpxe: true }), script);
});

test('firmware without a loader gets an address but no boot file, and is reported', { skip }, async () => {
  const lease = (mac: string, architecture: number, more: DhcpClient = {}) => {
    const vendorClass = `PXEClient:Arch:${String(architecture).padStart(5, '0')}:UNDI:003000`;
    return network.dhcp(mac, { architecture, vendorClass, ...more });
  };
  // ia32 UEFI, ARM 32 and 64 bit, ia32 HTTP, ARM64 HTTP, RISC-V 64.
  for (const architecture of [6, 10, 11, 15, 19, 27]) {
    assert.deepEqual(
      [lease(macs[1], architecture)?.ip !== undefined, lease(macs[1], architecture)?.boot_file],
      [true, undefined],
    );
    assert.equal(lease(macs[1], architecture, { isIpxe: true })?.boot_file, undefined);
  }
  // pxelinux is a BIOS program.
  for (const architecture of [7, 9, 11, 16]) assert.equal(lease(macs[0], architecture)?.boot_file, undefined);
  assert.equal(lease(macs[0], 0)?.boot_file, 'pxelinux.0');
  const reported = (mac: string) => requestsOf(mac, 'dhcp').then((all) => all.filter(({ subject }) => subject === 'no loader'));
  assert.equal(
    (await reported(macs[1]))[0]?.message,
    'gets nothing to boot, as there is no loader for its firmware (PXEClient:Arch:00006:UNDI:003000): there are loaders for x86-64 alone, BIOS and UEFI',
  );
  assert.match((await reported(macs[0]))[0]?.message ?? '', /Arch:00007.*pxelinux is a BIOS program/);
});

test('distinguishes firmware and operating systems by vendor class', { skip }, async () => {
  const vendorClasses = async (subject: string) =>
    (await requestsOf(macs[1], 'dhcp')).filter((each) => each.subject === subject).map(({ data }) => data?.['vendor_class']);
  const firmware = 'PXEClient:Arch:00000:UNDI:002001';
  network.dhcp(macs[1], { architecture: 0, vendorClass: firmware });
  network.dhcp(macs[1], { vendorClass: 'dhcpcd-9.4.1:Linux' });
  assert.deepEqual((await vendorClasses('DHCPACK')).slice(-2), [firmware, 'dhcpcd-9.4.1:Linux']);
  assert.deepEqual((await vendorClasses('boot file')).slice(-2), [firmware, 'dhcpcd-9.4.1:Linux']);
});

test('rejects a request for the script of another machine, and does not record it on that machine', { skip }, async () => {
  network.dhcp(macs[0]);
  assert.match(http('/boot/disk-failed/52:54:00:aa:00:02').stdout, /\n404$/);
  const reported = await requestsOf(macs[1], 'http');
  assert.deepEqual(
    reported.filter(({ subject }) => subject === 'disk failed'),
    [],
  );
  assert.match(http('/boot/ipxe/52:54:00:aa:00:02').stdout, /\n404$/);
});

test('a plan without firmware gives an address and no boot file', { skip }, async () => {
  await server.publish(planOf(3, { firmware: 'none', files: [], pxelinux_config: undefined }));
  const lease = network.dhcp(macs[2]);
  assert.equal(lease?.ip, '172.31.9.13');
  assert.equal(lease?.boot_file, undefined);
});

test('assigns a pool address, and later the fixed one', { skip }, async () => {
  await server.publish(planOf(3, { macs: [{ mac: macs[2] }] }));
  const lease = network.dhcp(macs[2]);
  assert.match(lease?.ip ?? '', /^172\.31\.9\.1[012]\d$/);
  assert.equal(lease?.lease, '600');
  assert.equal(network.dhcp(macs[2], { clientId: '00112233445566' })?.ip, lease?.ip, 'another client id is the same machine');
  await server.publish(planOf(3));
  assert.equal(network.dhcp(macs[2])?.ip, '172.31.9.13');
});

test('identifies an InfiniBand port by its client id', { skip }, async () => {
  const mac = '7c:fe:90:29:26:52';
  const client_id = 'ff:00:00:00:00:00:02:00:00:02:c9:00:7c:fe:90:03:00:29:26:52';
  const infiniband = (entry: object) => planOf(3, { macs: [{ mac, client_id, ...entry }] });
  network.takeAddress(macs[2], '172.31.9.2');
  const ask = (id: string, hardware = '') => {
    const { stdout } = network.inMachine(process.execPath, [clientProgram, id, '172.31.9.255', hardware]);
    return stdout === '' ? undefined : (JSON.parse(stdout) as { ip: string; boot_file: string });
  };

  await server.publish(infiniband({ address: '172.31.9.77' }));
  assert.deepEqual(ask(client_id), { ip: '172.31.9.77', boot_file: 'pxelinux.0' });
  const [last] = (await requestsOf(mac, 'dhcp')).slice(-1);
  assert.equal(last?.message, 'is sent the boot file pxelinux.0');
  assert.equal(tftp('pxelinux.cfg/20-7c-fe-90-29-26-52').stdout, 'default deploy\n# 3\n');

  // Another port takes over the address while the first one still has a lease.
  const other = client_id.replace(/52$/, '53');
  await server.publish(planOf(3, { macs: [{ mac: '7c:fe:90:29:26:53', client_id: other, address: '172.31.9.77' }] }));
  assert.equal(ask(other)?.ip, '172.31.9.77');
  assert.equal(await restarts(), 0);

  // iPXE sends another client id, and the GUID as hardware address; with an address of its own it would not get the
  // other's.
  const guid = '7c:fe:90:03:00:29:26:52';
  await server.publish(infiniband({}));
  const lease = ask(`20:${guid}`, guid);
  assert.match(lease?.ip ?? '', /^172\.31\.9\.1[012]\d$/);
  assert.equal(lease?.boot_file, 'pxelinux.0');
  assert.equal((await requestsOf(mac, 'dhcp')).at(-1)?.message, 'is sent the boot file pxelinux.0');
  await server.call('withdraw', 'node-3');
});

test('applies each of many changes, under load, before publish returns', { skip }, async () => {
  for (let round = 1; round <= 8; round++) {
    const address = `172.31.9.${40 + round}`;
    await server.publish(planOf(1, { macs: [{ mac: macs[0], address }] }));
    assert.equal(network.dhcp(macs[0])?.ip, address);
  }
  await Promise.all([1, 2, 3].map((number) => server.publish(planOf(number))));
  for (const [index, mac] of macs.entries()) assert.equal(network.dhcp(mac)?.ip, `172.31.9.${11 + index}`);
});

test('gives an address to its new owner although the former one has a lease', { skip }, async () => {
  assert.equal(network.dhcp(macs[0])?.ip, '172.31.9.11');
  await server.call('withdraw', 'node-1');
  assert.equal(network.dhcp(macs[0], { tries: 1 }), undefined);
  await server.publish(planOf(2, { macs: [{ mac: macs[1], address: '172.31.9.11' }] }));
  assert.equal(network.dhcp(macs[1])?.ip, '172.31.9.11');
  // Swapped in one change, while both are leased.
  await server.publish(planOf(1));
  await server.publish(planOf(2));
  assert.equal(network.dhcp(macs[0])?.ip, '172.31.9.11');
  assert.equal(network.dhcp(macs[1])?.ip, '172.31.9.12');
  assert.equal(await restarts(), 0);
});

test('does the same if loopback is down and no release can be sent', { skip }, async () => {
  network.loopback('down');
  await server.call('withdraw', 'node-1');
  await server.publish(planOf(2, { macs: [{ mac: macs[1], address: '172.31.9.11' }] }));
  assert.equal(network.dhcp(macs[1])?.ip, '172.31.9.11');
  assert.equal(await restarts(), 1);
  network.loopback('up');
});

test('removes configuration and files on withdrawal', { skip }, async () => {
  await server.publish(planOf(1));
  await server.call('withdraw', 'node-1');
  assert.notEqual(tftp('pxelinux.cfg/01-52-54-00-aa-00-01').status, 0);
  assert.match(http('/boot/files/server-1/deploy_kernel').stdout, /\n404$/);
  assert.equal(network.dhcp(macs[0], { tries: 1 }), undefined);
});

test('restarts a dnsmasq that exits, with all plans', { skip }, async () => {
  await server.publish(planOf(1));
  const pid = Number(await readFile(join(state, 'boot', 'dhcp.pid'), 'utf8'));
  process.kill(pid, 'SIGKILL');
  assert.equal(network.dhcp(macs[0], { tries: 6 })?.ip, '172.31.9.11');
  await server.publish(planOf(1, { macs: [{ mac: macs[0], address: '172.31.9.51' }] }));
  assert.equal(network.dhcp(macs[0])?.ip, '172.31.9.51');
  const deaths = (await server.requests()).filter(({ subject }) => subject === 'dnsmasq');
  assert.match(deaths[0]?.message ?? '', /dnsmasq \(DHCP\) ended \(SIGKILL\)/);
});

test('serves the same plans after a kill and restart, and leaves no orphan', { skip }, async () => {
  const pids = await Promise.all(
    ['dhcp.pid', 'tftp.pid'].map(async (file) => Number(await readFile(join(state, 'boot', file), 'utf8'))),
  );
  await server.kill('SIGKILL');
  await Promise.all(pids.map(goneOf));
  await rm(join(state, 'kernel'));
  server = new BootServerProcess(network.server, flags());
  await server.call('start');
  assert.equal(network.dhcp(macs[0])?.ip, '172.31.9.51');
  assert.equal(tftp('server-1/deploy_kernel').stdout, 'a kernel');
});

test('names what prevents the start, and leaves nothing open', { skip }, async () => {
  const second = new BootServerProcess(network.server, { ...flags(), state_dir: join(state, 'second') });
  try {
    await assert.rejects(
      second.call('start'),
      /172\.31\.9\.1:8088 for boot files, images and agents: the port is in use by \S+ \(process \d+\)/,
    );
  } finally {
    await second.kill('SIGTERM');
  }
  const elsewhere = { ...flags(), state_dir: join(state, 'third'), 'provisioning.address': '172.31.9.77' };
  const third = new BootServerProcess(network.server, elsewhere);
  try {
    await assert.rejects(third.call('start'), /172\.31\.9\.77:8088 .*no interface of this host has that address/);
  } finally {
    await third.kill('SIGTERM');
  }
  const misspelt = { ...flags(), state_dir: join(state, 'fourth'), 'provisioning.interface': 'br77' };
  const free = {
    'provisioning.http_port': '18088',
    'provisioning.https_port': '18089',
    'provisioning.deploy_helper_port': '18090',
  };
  const fourth = new BootServerProcess(network.server, { ...misspelt, ...free });
  try {
    await assert.rejects(fourth.call('start'), /provisioning\.interface must name an interface of this host \(.*\), not br77/);
  } finally {
    await fourth.kill('SIGTERM');
  }
});

test('stops its child processes, also during a change, and still accepts plans', { skip }, async () => {
  const pids = await Promise.all(
    ['dhcp.pid', 'tftp.pid'].map(async (file) => Number(await readFile(join(state, 'boot', file), 'utf8'))),
  );
  await Promise.all([server.call('stop'), server.publish(planOf(3, { firmware: 'ipxe', files: [], ipxe_script: '#!ipxe\n' }))]);
  await server.publish(planOf(2, { files: [] }));
  await Promise.all(pids.map(goneOf));
  const left = await Promise.all(
    ['dhcp.pid', 'tftp.pid'].map((file) => readFile(join(state, 'boot', file), 'utf8').catch(() => '')),
  );
  await Promise.all(left.filter((pid) => pid !== '').map((pid) => goneOf(Number(pid))));
});

/** Waits until the process has exited or is a zombie. */
async function goneOf(pid: number): Promise<void> {
  for (;;) {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    if (status === undefined || / Z /.test(status)) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
