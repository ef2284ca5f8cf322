/** Boot failures as the real dnsmasq logs them, and what is reported of the machine; in separate network namespaces. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { BootPlan } from '#drivers/interfaces.ts';
import { BootSigns } from '#engine/messages/boot-signs.ts';
import { explain } from '#engine/messages/diagnosis.ts';
import { BootNetwork, whyNoBootNetwork } from '#test/a-boot-network.ts';
import { BootServerProcess, type MachineRequest } from '#test/a-boot-server-process.ts';
import type { Crafted, CraftedTftp } from '#test/a-crafted-client.ts';

const macs = ['52:54:00:aa:00:01', '52:54:00:aa:00:02', '52:54:00:aa:00:03'] as const;
const [mac] = macs;
const address = '172.31.9.11';
const kernel = 'server-1/deploy_kernel';

const skip = whyNoBootNetwork();
let network: BootNetwork;
let state: string;
let server: BootServerProcess;

const planOf = (number: number, macsOfPlan: BootPlan['macs']): BootPlan => ({
  node_uuid: `node-${number}`,
  folder: `server-${number}`,
  macs: macsOfPlan,
  firmware: 'pxelinux',
  files: [{ name: 'deploy_kernel', path: join(state, 'kernel') }],
  pxelinux_config: 'default deploy\n',
});

before(async () => {
  if (skip) return;
  state = await mkdtemp(join(tmpdir(), 'ingot-boot-troubles-'));
  await writeFile(join(state, 'kernel'), Buffer.alloc(4_000_000));
  network = new BootNetwork();
  server = new BootServerProcess(network.server, {
    state_dir: state,
    'provisioning.address': network.address,
    'provisioning.interface': network.bridge,
    'provisioning.cidr': network.cidr,
    'provisioning.pool': '172.31.9.100-172.31.9.100',
  });
  await server.call('start');
  await server.publish(planOf(1, [{ mac, address }]));
});
after(async () => {
  if (skip) return;
  await server?.kill('SIGTERM');
  network?.close();
  await rm(state, { recursive: true, force: true });
});

/** Runs `act` and waits for the first matching report after it. */
async function reported(message: RegExp, act: () => unknown): Promise<MachineRequest> {
  const before = (await server.requests()).length;
  await act();
  for (;;) {
    const found = (await server.requests()).slice(before).find((request) => message.test(request.message));
    if (found) return found;
  }
}

/** The reported cause for a machine that has sent only these requests. */
function causeOf(...requests: MachineRequest[]): string {
  const at = new Date().toISOString();
  const signs = requests.map(({ kind, subject, message, data, address: from }) => ({
    ...{ kind, subject, message, at },
    data: { ...data, ...(from && { address: from }) },
  }));
  return explain(BootSigns.of(signs)).cause;
}

const bounded = { skip, timeout: 60_000 };
const crafted = (client: Crafted) => once(network.crafted(client), 'exit');
const tftp = (how: CraftedTftp['how'], path: string) => network.crafted({ kind: 'tftp', server: network.address, path, how });

test('refuses a machine that took the offer of another DHCP server, and records the reason', bounded, async () => {
  network.takeAddress(mac, address);
  const request = { kind: 'dhcp', type: 'REQUEST', mac, server: '172.31.9.66', requested: '172.31.9.150' } as const;
  const texts = await reported(/may not have/, () => crafted(request));
  assert.equal(texts.message, 'may not have 172.31.9.150 (wrong server-ID)');
  assert.deepEqual([texts.mac, texts.subject], [mac, 'DHCPNAK']);
  assert.deepEqual(texts.data, { reason: 'wrong server-ID', vendor_class: 'PXEClient:Arch:00000:UNDI:002001' });
  assert.match(
    causeOf(texts),
    /^Another DHCP server answers on the provisioning network: the machine took its offer of 172\.31\.9\.150/,
  );
});

test('distinguishes iPXE from the firmware that loaded it', bounded, async () => {
  const texts = await reported(/sent DHCPDISCOVER/, () => network.dhcp(mac, { isIpxe: true, userClass: 'iPXE' }));
  assert.equal(texts.data?.['user_class'], 'iPXE');
});

test('reports an exhausted pool', bounded, async () => {
  await server.publish(planOf(2, [{ mac: macs[1] }]));
  await server.publish(planOf(3, [{ mac: macs[2] }]));
  assert.equal(network.dhcp(macs[1])?.ip, '172.31.9.100');
  const texts = await reported(/no address available/, () => network.dhcp(macs[2], { tries: 1 }));
  assert.deepEqual([texts.mac, texts.data?.['reason']], [macs[2], 'no address available']);
  assert.match(causeOf(texts), /dnsmasq had none for it \(no address available\)/);
});

test('records on the machine what dnsmasq does with an address that the machine finds in use', bounded, async () => {
  network.takeAddress(mac, address);
  const decline = { kind: 'dhcp', type: 'DECLINE', mac, server: network.address, requested: address } as const;
  const refused = await reported(/declined 172\.31\.9\.11/, () => crafted(decline));
  assert.equal(refused.subject, 'DHCPDECLINE');
  assert.match(causeOf(refused), /Another machine on the network uses 172\.31\.9\.11/);
  const texts = await reported(/^dnsmasq: not using configured address/, () => crafted({ kind: 'dhcp', type: 'DISCOVER', mac }));
  assert.equal(texts.message, 'dnsmasq: not using configured address 172.31.9.11 because it was previously declined');
  assert.deepEqual([texts.mac, texts.subject], [mac, 'dnsmasq']);
});

test('reports an unknown MAC', bounded, async () => {
  const texts = await reported(/ignored: no plan for this MAC/, () => network.dhcp('52:54:00:aa:00:99', { tries: 1 }));
  assert.deepEqual([texts.mac, texts.isUnexpected], ['52:54:00:aa:00:99', true]);
});

test('does not count a query of the file size as a transfer, although dnsmasq logs it as sent', bounded, async () => {
  network.takeAddress(mac, address);
  for (const path of [kernel, 'pxelinux.0']) {
    const texts = await reported(/TFTP Aborted/, () => tftp('size', path));
    assert.match(
      texts.message,
      /^began to take .* by TFTP and ended the transfer, as firmware does that asks for the size first/,
    );
    assert.deepEqual([texts.mac, texts.subject, texts.data?.['outcome']], [mac, path, 'ended']);
    assert.match(causeOf(texts), /transfer of the (?:boot loader|kernel) began and did not end/);
  }
});

test('reports an aborted transfer with file and reason', bounded, async () => {
  network.takeAddress(mac, address);
  const texts = await reported(/aborted a TFTP transfer/, () => tftp('abort', kernel));
  assert.equal(texts.message, `aborted a TFTP transfer of ${kernel}: 0 TFTP Aborted`);
  assert.equal(texts.data?.['outcome'], 'failed');
  assert.match(causeOf(texts), /deploy_kernel: 0 TFTP Aborted \(once\): packets are lost on the way/);
});

test('reports a transfer in progress before it ends', bounded, async () => {
  network.takeAddress(mac, address);
  const client = tftp('hold', kernel);
  const texts = await reported(/^started fetching/, () => {});
  client.kill('SIGTERM');
  assert.equal(texts.message, `started fetching ${kernel} by TFTP`);
  assert.deepEqual([texts.mac, texts.data], [mac, { outcome: 'begun', total: 4_000_000 }]);
  assert.match(causeOf(texts), /transfer of the kernel began and did not end/);
});

test('reports a file that dnsmasq cannot read', bounded, async () => {
  network.takeAddress(mac, address);
  const file = join(state, 'boot', 'tftp', kernel);
  await chmod(file, 0o600);
  const texts = await reported(/^dnsmasq: cannot access/, () => tftp('hold', kernel));
  await chmod(file, 0o644);
  assert.match(texts.message, /deploy_kernel: Permission denied$/);
  assert.match(causeOf(texts), /The boot server had trouble: dnsmasq: cannot access .*Permission denied/);
  assert.equal(texts.mac, mac);
});

test("identifies a machine with a foreign address by the kernel's neighbour table", bounded, async () => {
  network.takeAddress(mac, '172.31.9.77');
  const texts = await reported(/TFTP Aborted/, () => tftp('size', kernel));
  assert.deepEqual([texts.mac, texts.address], [mac, '172.31.9.77']);
});

test('reports the exit of dnsmasq to every operation that waits for a machine', bounded, async () => {
  const texts = await reported(/^dnsmasq \(DHCP\) ended/, async () => {
    const pid = Number(await readFile(join(state, 'boot', 'dhcp.pid'), 'utf8'));
    process.kill(pid, 'SIGKILL');
  });
  assert.equal(texts.concernsWaiting, true);
});
