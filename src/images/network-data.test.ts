import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { type CloudInit, cloudInitModules, readAsCloudInit } from '#test/a-cloud-init.ts';
import { aServer } from '#test/a-task.ts';
import { configDriveFiles } from './config-drive.ts';
import { type NetworkFacts, networkData } from './network-data.ts';

const macs = ['52:54:00:aa:bb:01', '52:54:00:aa:bb:02'];
const [mac = '', second = ''] = macs;
const networks: NetworkFacts['networks'] = [
  { id: 'n1', mtu: 9000 },
  { id: 'n2', mtu: 1500 },
];

type Subnet = NetworkFacts['subnets'][number];
const aSubnet = (id: string, fields: Partial<Subnet> = {}): Subnet => ({
  id,
  ip_version: 4,
  cidr: '10.0.0.0/24',
  gateway_ip: '10.0.0.1',
  dns_nameservers: ['9.9.9.9'],
  host_routes: [],
  ...fields,
});
const subnets: readonly Subnet[] = [
  aSubnet('s4'),
  aSubnet('s6', { ip_version: 6, cidr: 'fd00:1::/64', gateway_ip: 'fd00:1::1', dns_nameservers: ['2620:fe::fe'] }),
  aSubnet('other', { cidr: '10.2.0.0/16', gateway_ip: '10.2.0.1', dns_nameservers: [] }),
  aSubnet('routed', { host_routes: [{ destination: '0.0.0.0/0', nexthop: '10.0.0.254' }] }),
];

const noBonds: NetworkFacts['bonds'] = [];

function facts(...ports: [mac: string, ...addresses: [subnet: string, address: string][]][]): NetworkFacts {
  return {
    networks,
    subnets,
    bonds: noBonds,
    vlans: [],
    ports: ports.map(([mac_address, ...addresses], index) => ({
      id: `p${index}`,
      network_id: `n${index + 1}`,
      mac_address,
      fixed_ips: addresses.map(([subnet_id, ip_address]) => ({ subnet_id, ip_address })),
    })),
  };
}

const defaultRoutes = (network: NetworkFacts) =>
  networkData(network).networks.flatMap(({ link, routes = [] }) =>
    routes.filter(({ netmask }) => netmask === '0.0.0.0' || netmask === '::').map(({ gateway }) => `${link} ${gateway}`),
  );

let folder: string;
let found: Awaited<ReturnType<typeof cloudInitModules>>;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-network-'));
  found = await cloudInitModules(folder);
});
after(() => rm(folder, { recursive: true, force: true }));

/** cloud-init's result for a machine with NICs eth0 and eth1; undefined if cloud-init is not available. */
async function asCloudInit(t: TestContext, network: NetworkFacts): Promise<CloudInit | undefined> {
  if ('reason' in found) {
    t.skip(found.reason);
    return undefined;
  }
  const drive = await mkdtemp(join(folder, 'drive-'));
  return readAsCloudInit(found.modules, {
    folder: drive,
    files: configDriveFiles(aServer(), network),
    nics: { [mac]: 'eth0', [second]: 'eth1' },
  });
}

const severalWays: [name: string, network: NetworkFacts, gateway: string][] = [
  ['two addresses of a subnet', facts([mac, ['s4', '10.0.0.5'], ['s4', '10.0.0.6']]), '10.0.0.1'],
  ['two subnets on a NIC', facts([mac, ['other', '10.2.0.5'], ['s4', '10.0.0.5']]), '10.2.0.1'],
  ['a gateway and a host route for everything', facts([mac, ['routed', '10.0.0.5']]), '10.0.0.254'],
];

for (const [name, network, gateway] of severalWays) {
  test(`${name}: gives one default route, and a network on every kind of system`, async (t) => {
    assert.deepEqual(defaultRoutes(network), [`interface0 ${gateway}`]);

    const read = await asCloudInit(t, network);

    if (!read) return;
    const { netplan, ifupdown, sysconfig } = read.networks;
    assert.match(sysconfig['ifcfg-eth0'] ?? sysconfig['error'] ?? '', new RegExp(`^GATEWAY=${gateway}$`, 'm'));
    assert.equal(netplan['netplan.yaml']?.match(/to: 0\.0\.0\.0\/0/g)?.length, 1);
    assert.equal(ifupdown['interfaces']?.match(/post-up route add default gw/g)?.length, 1);
  });
}

test('keeps a default route per NIC and IP version', () => {
  const both = facts([mac, ['s4', '10.0.0.5'], ['s6', 'fd00:1::5']], [second, ['other', '10.2.0.5']]);
  assert.deepEqual(defaultRoutes(both), ['interface0 10.0.0.1', 'interface0 fd00:1::1', 'interface1 10.2.0.1']);
});

test("gives name servers with the NIC's address to a system without DHCP, also with older cloud-init", async (t) => {
  const read = await asCloudInit(t, facts([mac, ['s4', '10.0.0.5'], ['s6', 'fd00:1::5']]));

  if (!read) return;
  const [, ...stanzas] = (read.networks.ifupdown['interfaces'] ?? '').split(/^(?=iface )/m);
  const serversOf = (stanza: string | undefined) => /dns-nameservers (.*)/.exec(stanza ?? '')?.[1];
  assert.deepEqual(stanzas.slice(1).map(serversOf), ['9.9.9.9', '2620:fe::fe']);
  assert.match(read.networks.netplan['netplan.yaml'] ?? '', /nameservers:\s+addresses:\s+- 9\.9\.9\.9\s+- 2620:fe::fe/);
});

test('supports an IPv6-only NIC, one without an address, and MACs in capitals', async (t) => {
  const read = await asCloudInit(t, facts([mac.toUpperCase(), ['s6', 'fd00:1::5']], [second]));

  if (!read) return;
  const { sysconfig } = read.networks;
  assert.match(sysconfig['ifcfg-eth0'] ?? '', /^IPV6ADDR=fd00:1::5\/64$/m);
  assert.match(sysconfig['ifcfg-eth0'] ?? '', /^IPV6_DEFAULTGW=fd00:1::1$/m);
  assert.match(sysconfig['ifcfg-eth0'] ?? '', /^MTU=9000$/m);
  assert.match(sysconfig['ifcfg-eth1'] ?? '', /^BOOTPROTO=dhcp$/m);
});

test('a subport of a trunk is a VLAN of the NIC', async (t) => {
  const port = {
    ...{ id: 'sub', network_id: 'n2', mac_address: '52:54:00:AA:BB:10' },
    fixed_ips: [{ subnet_id: 'other', ip_address: '10.2.0.5' }],
  };
  const network = { ...facts([mac, ['s4', '10.0.0.5']]), vlans: [{ parent_id: 'p0', segmentation_id: 101, port }] };

  const { links, networks: addresses } = networkData(network);
  const read = await asCloudInit(t, network);

  const vlan = { vlan_link: 'interface0', vlan_id: 101, vlan_mac_address: '52:54:00:aa:bb:10' };
  assert.deepEqual(links[1], { id: 'interface0.101', vif_id: 'sub', mtu: 1500, type: 'vlan', ...vlan });
  assert.deepEqual(
    addresses.map(({ link, ip_address }) => [link, ip_address]),
    [
      ['interface0', '10.0.0.5'],
      ['interface0.101', '10.2.0.5'],
    ],
  );
  if (!read) return;
  const { netplan, sysconfig } = read.networks;
  assert.match(netplan['netplan.yaml'] ?? '', /vlans:\s+eth0\.101:[\s\S]*id: 101\s+link: eth0/);
  assert.match(sysconfig['ifcfg-eth0.101'] ?? sysconfig['error'] ?? '', /^VLAN=yes$/m);
  assert.match(sysconfig['ifcfg-eth0.101'] ?? '', /^IPADDR=10\.2\.0\.5$/m);
});

test("a network port of a port group is a bond of the group's NICs, as Nova writes it", async (t) => {
  const members = [
    { id: 'nic-1', mac_address: mac },
    { id: 'nic-2', mac_address: second },
  ];
  const properties = { miimon: 100, bond_xmit_hash_policy: 'layer3+4' };
  const bonds = [{ vif_port_id: 'p0', mode: '802.3ad', properties, members }];
  const network = { ...facts([mac, ['s4', '10.0.0.5']]), bonds };

  const read = await asCloudInit(t, network);

  const mtu = 9000;
  assert.deepEqual(networkData(network).links, [
    {
      ...{ id: 'interface0', vif_id: 'p0', mtu, ethernet_mac_address: mac, type: 'bond', bond_links: ['nic-1', 'nic-2'] },
      ...{ bond_mode: '802.3ad', bond_miimon: 100, bond_xmit_hash_policy: 'layer3+4' },
    },
    { id: 'nic-1', type: 'phy', ethernet_mac_address: mac },
    { id: 'nic-2', type: 'phy', ethernet_mac_address: second },
  ]);
  if (!read) return;
  const { netplan, ifupdown, sysconfig } = read.networks;
  assert.match(
    sysconfig['ifcfg-bond0'] ?? sysconfig['error'] ?? '',
    /^BONDING_OPTS="mode=802.3ad.*xmit_hash_policy=layer3\+4.*miimon=100"$/m,
  );
  assert.match(sysconfig['ifcfg-bond0'] ?? '', /^IPADDR=10\.0\.0\.5$/m);
  for (const name of ['eth0', 'eth1']) assert.match(sysconfig[`ifcfg-${name}`] ?? '', /^MASTER=bond0$/m);
  assert.match(netplan['netplan.yaml'] ?? '', /bonds:\s+bond0:[\s\S]*interfaces:\s+- eth0\s+- eth1/);
  assert.match(netplan['netplan.yaml'] ?? '', /mode: 802\.3ad/);
  assert.match(ifupdown['interfaces'] ?? '', /iface bond0 inet static[\s\S]*bond[-_]mode 802\.3ad/);
});
