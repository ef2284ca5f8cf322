/** Requests that firmware and boot loaders were reported to send (docs/compatibility.md), to the real dnsmasq. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BootNetwork, whyNoBootNetwork } from '#test/a-boot-network.ts';
import { BootServerProcess } from '#test/a-boot-server-process.ts';

const skip = whyNoBootNetwork();
const mac = '52:54:00:aa:00:01';
let state: string;
let network: BootNetwork;
let server: BootServerProcess;

before(async () => {
  if (skip) return;
  state = await mkdtemp(join(tmpdir(), 'ingot-odd-firmware-'));
  await writeFile(join(state, 'kernel'), 'k'.repeat(100_000));
  network = new BootNetwork();
  server = new BootServerProcess(network.server, {
    state_dir: state,
    'provisioning.address': network.address,
    'provisioning.interface': network.bridge,
    'provisioning.cidr': network.cidr,
  });
  await server.call('start');
  await server.publish({
    node_uuid: 'node-1',
    folder: 'server-1',
    macs: [{ mac, address: '172.31.9.11' }],
    firmware: 'ipxe',
    files: [{ name: 'deploy_kernel', path: join(state, 'kernel') }],
    ipxe_script: '#!ipxe\n',
  });
});
after(async () => {
  if (skip) return;
  await server?.kill('SIGTERM');
  network?.close();
  await rm(state, { recursive: true, force: true });
});

/** Sends a read request, and an abort if only the size is wanted. @returns the reply's first bytes, in hex */
function askTftp(name: string, options: readonly string[] = [], { aborts = false } = {}): string {
  const packet = Buffer.concat([
    Buffer.from([0, 1]),
    ...[name, 'octet', ...options].map((text) => Buffer.from(`${text}\0`, 'latin1')),
  ]);
  const program = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10)
s.sendto(bytes.fromhex("${packet.toString('hex')}"), ("${network.address}", 69))
data, peer = s.recvfrom(70000)
if ${aborts ? 'True' : 'False'}: s.sendto(bytes.fromhex("00050008") + b"User aborted the transfer\\0", peer)
print(data[:100].hex())
`;
  const { stdout, stderr } = network.inMachine('python3', ['-c', program]);
  assert.equal(stderr, '');
  return Buffer.from(stdout.trim(), 'hex').toString('latin1');
}

const http = (path: string) =>
  network.inMachine('curl', ['-s', '-S', '-w', '\n%{http_code}', `http://${network.address}:8088${path}`]).stdout;

/**
 * A DISCOVER of a BIOS that also requests the boot file as an option. @returns file field (hex) and option numbers of
 * the OFFER
 */
function discover(): { file: string; options: number[] } {
  const program = `
import json, socket
packet = bytes([1, 1, 6, 0]) + b"\\x12\\x34\\x56\\x78" + bytes([0, 0, 0x80, 0]) + bytes(16)
packet += bytes.fromhex("${mac.replaceAll(':', '')}") + bytes(10 + 192) + bytes.fromhex("63825363")
packet += bytes([53, 1, 1, 55, 5, 1, 3, 60, 66, 67, 93, 2, 0, 0, 60, 20]) + b"PXEClient:Arch:00000" + bytes([255])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
s.bind(("", 68)); s.sendto(packet, ("255.255.255.255", 67))
reply = s.recv(2000)
options, at = [], 240
while reply[at] != 255:
    if reply[at] == 0: at += 1; continue
    options.append(reply[at]); at += 2 + reply[at + 1]
print(json.dumps({"file": reply[108:236].hex(), "options": options}))
`;
  const { stdout, stderr } = network.inMachine('python3', ['-c', program]);
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

const data = '\0\x03\0\x01';
const agreed = '\0\x06';
const refused = '\0\x05';

test('TFTP: accepts any kind of slashes in a path, and rejects a missing file at once', { skip }, () => {
  network.dhcp(mac, { architecture: 7 });
  for (const path of [
    'snponly.efi',
    '/snponly.efi',
    '//snponly.efi',
    '\\snponly.efi',
    './snponly.efi',
    'server-1//deploy_kernel',
  ])
    assert.ok(askTftp(path).startsWith(data), path);
  for (const path of ['autoexec.ipxe', 'grub.cfg-01-52-54-00-aa-00-01', '../plans/node-1.json'])
    assert.ok(askTftp(path).startsWith(refused), path);
});

test('TFTP: acknowledges known options and omits others', { skip }, () => {
  const kernel = 'server-1/deploy_kernel';

  assert.equal(
    askTftp(kernel, ['tsize', '0', 'blksize', '1468']),
    `${agreed}${['blksize', '1468', 'tsize', '100000', ''].join('\0')}`,
  );
  assert.equal(askTftp(kernel, ['BLKSIZE', '1024', 'windowsize', '4']), `${agreed}${['blksize', '1024', ''].join('\0')}`);
  assert.equal(
    askTftp(kernel, ['tsize', '0', 'timeout', '3', 'multicast', '']),
    `${agreed}${['tsize', '100000', ''].join('\0')}`,
  );
  assert.ok(askTftp(kernel, ['windowsize', '4']).startsWith(data));
});

test('TFTP: firmware can load a file after it has queried the size and aborted', { skip }, () => {
  network.dhcp(mac, { architecture: 7 });

  const answer = askTftp('snponly.efi', ['tsize', '0', 'blksize', '1468'], { aborts: true });
  const loaded = network.inMachine('curl', ['-s', '-S', '--tftp-blksize', '1468', `tftp://${network.address}/snponly.efi`]);

  assert.match(answer, /tsize\0[0-9]+\0$/);
  assert.equal(loaded.stdout.slice(0, 2), 'MZ');
});

test('DHCP: puts the boot file into its own field, terminated, and repeats it in no option', { skip }, () => {
  network.dhcp(mac);

  const { file, options } = discover();

  assert.equal(Buffer.from(file, 'hex').toString('latin1'), 'undionly.kpxe'.padEnd(128, '\0'));
  assert.deepEqual(
    options.filter((option) => option === 66 || option === 67),
    [],
  );
});

test('HTTP: replies 404 to what newer loaders request first, and serves the script', { skip }, () => {
  network.dhcp(mac, { architecture: 16, vendorClass: 'HTTPClient:Arch:00016:UNDI:003001' });

  assert.match(http('/boot/firmware/autoexec.ipxe'), /\n404$/);
  assert.equal(http('/boot/ipxe/52-54-00-aa-00-01'), '#!ipxe\n\n200');
});
