import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { aServer } from '#test/a-task.ts';
import { configDriveFiles, writeConfigDrive } from './config-drive.ts';
import { buildIso } from './iso9660.ts';
import { type NetworkFacts, networkData } from './network-data.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const script = '#!/bin/sh\necho ünïcode\n'.repeat(500);

const server = aServer({
  launch_index: 2,
  key_name: 'mine',
  public_key: 'ssh-ed25519 AAAA me@here\n',
  user_data: base64(script),
  metadata: { role: 'web' },
  personality: [{ path: '/etc/motd', contents: base64('hello') }],
});

const network: NetworkFacts = {
  bonds: [],
  vlans: [],
  ports: [
    {
      id: 'p1',
      network_id: 'n1',
      mac_address: '52:54:00:AA:BB:01',
      fixed_ips: [
        { subnet_id: 's4', ip_address: '10.0.16.5' },
        { subnet_id: 's6', ip_address: 'fd00::5' },
      ],
    },
    { id: 'p2', network_id: 'n2', mac_address: '52:54:00:aa:bb:02', fixed_ips: [] },
  ],
  networks: [
    { id: 'n1', mtu: 1500 },
    { id: 'n2', mtu: 9000 },
  ],
  subnets: [
    {
      id: 's4',
      ip_version: 4,
      cidr: '10.0.16.0/20',
      gateway_ip: '10.0.16.1',
      dns_nameservers: ['9.9.9.9', '1.1.1.1'],
      host_routes: [{ destination: '192.168.0.0/16', nexthop: '10.0.16.2' }],
    },
    { id: 's6', ip_version: 6, cidr: 'fd00::/64', gateway_ip: null, dns_nameservers: ['9.9.9.9'], host_routes: [] },
  ],
};

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-drive-'));
});
after(() => rm(folder, { recursive: true, force: true }));

test('network data: links by MAC, static addresses, routes and name servers, or DHCP', () => {
  assert.deepEqual(networkData(network), {
    links: [
      { id: 'interface0', vif_id: 'p1', type: 'phy', mtu: 1500, ethernet_mac_address: '52:54:00:aa:bb:01' },
      { id: 'interface1', vif_id: 'p2', type: 'phy', mtu: 9000, ethernet_mac_address: '52:54:00:aa:bb:02' },
    ],
    networks: [
      {
        id: 'network0',
        link: 'interface0',
        network_id: 'n1',
        type: 'ipv4',
        ip_address: '10.0.16.5',
        netmask: '255.255.240.0',
        routes: [
          { network: '0.0.0.0', netmask: '0.0.0.0', gateway: '10.0.16.1' },
          { network: '192.168.0.0', netmask: '255.255.0.0', gateway: '10.0.16.2' },
        ],
        services: [
          { type: 'dns', address: '9.9.9.9' },
          { type: 'dns', address: '1.1.1.1' },
        ],
        dns_nameservers: ['9.9.9.9', '1.1.1.1'],
      },
      {
        id: 'network1',
        link: 'interface0',
        network_id: 'n1',
        type: 'ipv6',
        ip_address: 'fd00::5',
        netmask: 'ffff:ffff:ffff:ffff::',
        routes: [],
        services: [{ type: 'dns', address: '9.9.9.9' }],
        dns_nameservers: ['9.9.9.9'],
      },
      { id: 'network2', link: 'interface1', network_id: 'n2', type: 'ipv4_dhcp' },
    ],
    services: [
      { type: 'dns', address: '9.9.9.9' },
      { type: 'dns', address: '1.1.1.1' },
    ],
  });
});

test("the metadata tree has Nova's files", () => {
  const files = configDriveFiles(server, network);
  const read = (path: string) => JSON.parse(files[path]?.toString() ?? '');
  assert.deepEqual(read('openstack/latest/meta_data.json'), {
    uuid: server.id,
    name: 'web1',
    hostname: 'web1',
    launch_index: 2,
    availability_zone: 'nova',
    project_id: 'p1',
    meta: { role: 'web' },
    devices: [],
    public_keys: { mine: 'ssh-ed25519 AAAA me@here' },
    keys: [{ name: 'mine', type: 'ssh', data: 'ssh-ed25519 AAAA me@here' }],
    files: [{ path: '/etc/motd', content_path: '/content/0000' }],
  });
  assert.deepEqual(files['openstack/2018-08-27/meta_data.json'], files['openstack/latest/meta_data.json']);
  assert.equal(files['openstack/content/0000']?.toString(), 'hello');
  assert.equal(files['openstack/latest/user_data']?.toString(), script);
  assert.equal(read('ec2/latest/meta-data.json').hostname, 'web1');
  assert.equal(read('ec2/latest/meta-data.json')['ami-launch-index'], 2);
  assert.ok(!('public_keys' in JSON.parse(String(configDriveFiles(aServer(), network)['openstack/latest/meta_data.json']))));
});

test('isoinfo, xorriso and blkid read the drive, which is reproducible', async () => {
  const path = await writeConfigDrive(server, network, folder);
  const first = await readFile(path);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await writeConfigDrive(server, network, folder);
  assert.ok((await readFile(path)).equals(first));
  assert.equal(execFileSync('blkid', ['-p', '-o', 'value', '-s', 'LABEL', path], { encoding: 'utf8' }).trim(), 'config-2');
  const files = configDriveFiles(server, network);
  const listed = execFileSync('isoinfo', ['-J', '-f', '-i', path], { encoding: 'utf8' }).trim().split('\n');
  for (const [name, content] of Object.entries(files)) {
    assert.ok(listed.includes(`/${name}`), name);
    assert.ok(execFileSync('isoinfo', ['-J', '-x', `/${name}`, '-i', path], { maxBuffer: 1e8 }).equals(content), name);
  }
  await assertExtracts(path, files);
});

test('holds a large tree: many files and directories, long names, an empty file', async () => {
  const files: Record<string, Buffer> = { empty: Buffer.alloc(0), [`${'n'.repeat(60)}.txt`]: Buffer.from('long') };
  for (let index = 0; index < 150; index++) {
    files[`d${index % 7}/e${index % 5}/file-${index}.some.ext`] = Buffer.alloc(index * 37, index);
  }
  const path = join(folder, 'large.iso');
  await writeFile(path, buildIso('large', files, new Date(0)));
  await assertExtracts(path, files);
});

/** xorriso validates tables and sizes strictly; its warnings count as failures, too. */
async function assertExtracts(path: string, files: Readonly<Record<string, Buffer>>): Promise<void> {
  const out = join(folder, 'out');
  await rm(out, { recursive: true, force: true });
  const said = execFileSync('sh', ['-c', 'exec xorriso -osirrox on -indev "$1" -extract / "$2" 2>&1', 'sh', path, out], {
    encoding: 'utf8',
  });
  assert.doesNotMatch(said, /WARNING|SORRY|FAILURE|FATAL/);
  for (const [name, content] of Object.entries(files)) assert.ok((await readFile(join(out, name))).equals(content), name);
  execFileSync('chmod', ['-R', 'u+w', out]);
}
