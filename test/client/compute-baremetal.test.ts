/** Referee test: the unmodified `openstack` client with servers and nodes of a whole Ingot on fake hardware. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openstack, openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;

const ingot = aSharedIngot(async (directory) => {
  await writeFile(join(directory, 'image'), randomBytes(100_000));
  await writeFile(join(directory, 'user-data'), '#cloud-config\n');
});

test('flavors and key pairs', { skip }, async () => {
  const key = join(ingot.directory, 'key');
  const { replies, output } = await openstackSession(ingot.env, [
    'flavor create --id 7 --ram 1024 --vcpus 1 --disk 1 --swap 512 --ephemeral 1 --property cpu_arch=x86_64 --description d metal -f json',
    'flavor set --property trait:CUSTOM_A=required --property quota:cpu_shares=1 metal',
    'flavor unset --property trait:CUSTOM_A metal',
    'flavor show metal -f json',
    'flavor list --long -f json',
    'flavor create --ram 1 --vcpus 1 --disk 0 --private --project admin hidden',
    'flavor unset --project admin hidden',
    'flavor set --project admin hidden',
    'flavor show hidden -f json',
    'flavor delete hidden',
    `keypair create --private-key ${key} mine -f json`,
    'keypair create gone',
    'keypair delete gone',
    'keypair list -f json',
    'keypair show --public-key mine',
  ]);
  const [created, shown, flavors, hidden, keypair, keypairs] = replies as [Row, Row, Row[], Row, Row, Row[]];

  assert.deepEqual(created['properties'], { cpu_arch: 'x86_64' }, output);
  const { id, ram, swap, properties, description } = shown;
  assert.deepEqual(
    { id, ram, swap, properties, description },
    { id: '7', ram: 1024, swap: 512, properties: { cpu_arch: 'x86_64', 'quota:cpu_shares': '1' }, description: 'd' },
  );
  assert.deepEqual([flavors[0]?.['Name'], flavors[0]?.['Ephemeral']], ['metal', 1]);
  assert.equal((hidden['access_project_ids'] as string[]).length, 1);
  assert.deepEqual(keypairs, [{ Name: 'mine', Fingerprint: keypair['fingerprint'], Type: 'ssh' }]);
  assert.match(await readFile(key, 'utf8'), /^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
  assert.match(output, /^ssh-ed25519 \S+ Generated-by-Ingot$/m);
});

test('enrols, describes, validates and switches a node, and makes it available', { skip }, async () => {
  const { replies, output } = await openstackSession(ingot.env, [
    'baremetal driver list -f json',
    'baremetal driver property list ipmi -f json',
    'baremetal node create --driver fake-hardware --name n1 --property cpus=4 --property memory_mb=4096 --property local_gb=40 --driver-info ipmi_password=hidden --resource-class gold -f json',
    'baremetal node set n1 --property cpu_arch=x86_64 --extra a=b --description first --driver-info ipmi_address=bmc',
    'baremetal node add trait n1 CUSTOM_FAST',
    'baremetal port create 52:54:00:11:22:33 --node n1 --local-link-connection switch_id=0a:1b:2c:3d:4e:5f --local-link-connection port_id=e1 -f json',
    'baremetal node provide n1',
    'baremetal node manage n1 --wait 60',
    'baremetal node validate n1 -f json',
    'baremetal node power on n1',
    'baremetal node maintenance set n1 --reason busy',
    'baremetal node list --maintenance -f json',
    'baremetal node maintenance unset n1',
    'baremetal node boot device set n1 pxe --persistent',
    'baremetal node boot device show n1 -f json',
    'baremetal node provide n1 --wait 60',
    'baremetal node show n1 -f json',
    'baremetal node list --fields name provision_state traits -f json',
    'baremetal port list --node n1 --long -f json',
  ]);
  const [drivers, properties, created, port, validation, busy, bootDevice, shown, list, ports] = replies as [
    Row[],
    Row[],
    Row,
    Row,
    Row[],
    Row[],
    Row,
    Row,
    Row[],
    Row[],
  ];

  assert.ok(
    drivers.some((row) => row['Supported driver(s)'] === 'ipmi'),
    output,
  );
  assert.ok(properties.some((row) => row['Property'] === 'ipmi_address'));
  assert.equal(created['provision_state'], 'enroll');
  assert.deepEqual(created['driver_info'], { ipmi_password: '******' });
  assert.equal(port['node_uuid'], created['uuid']);
  assert.equal(validation.find((row) => row['Interface'] === 'power')?.['Result'], true);
  assert.deepEqual(
    busy.map((row) => row['Name']),
    ['n1'],
  );
  assert.deepEqual(bootDevice, { boot_device: 'pxe', persistent: true });
  const { provision_state, power_state, maintenance, extra, description, driver_info, resource_class } = shown;
  assert.deepEqual(
    { provision_state, power_state, maintenance, extra, description, driver_info, resource_class },
    {
      provision_state: 'available',
      power_state: 'power on',
      maintenance: false,
      extra: { a: 'b' },
      description: 'first',
      driver_info: { ipmi_password: '******', ipmi_address: 'bmc' },
      resource_class: 'gold',
    },
  );
  assert.deepEqual(list, [{ Name: 'n1', 'Provisioning State': 'available', Traits: ['CUSTOM_FAST'] }]);
  assert.deepEqual(ports[0]?.['Local Link Connection'], { switch_id: '0a:1b:2c:3d:4e:5f', port_id: 'e1' });
});

test('creates, stops, starts, reboots and rebuilds a server', { skip }, async () => {
  const { replies, output } = await openstackSession(ingot.env, [
    `image create --disk-format raw --container-format bare --public --file ${join(ingot.directory, 'image')} img`,
    'network create net1',
    'subnet create --network net1 --subnet-range 10.9.0.0/24 sub1',
    `server create --image img --flavor metal --key-name mine --user-data ${join(ingot.directory, 'user-data')} --property role=web --network net1 --description hi --hostname special --tag first --tag second s1 --wait -f json`,
    'server list --long -f json',
    'console log show --lines 1 s1',
    'port list --server s1 -f json',
    'server set --name s2 --property a=b --tag third s1',
    'server unset --property role --tag first s2',
    'server list --tags second,third -f json',
    'server list --not-tags second -f json',
    'server stop s2',
    'server show s2 -f json',
    'server lock s2',
    'server unlock s2',
    'server start s2',
    'server reboot --hard --wait s2',
    'server rebuild s2 --wait -f json',
    'server event list s2 --long -f json',
    'server show s2 -f json',
  ]);
  const [created, list, ports, tagged, untagged, stopped, rebuilt, events, last] = replies as [
    ...[Row, Row[], Row[], Row[], Row[], Row, Row],
    ...[Row[], Row],
  ];

  assert.equal(created['status'], 'ACTIVE', output);
  assert.deepEqual(created['addresses'], { net1: ['10.9.0.2'] });
  assert.equal(created['OS-EXT-SRV-ATTR:hostname'], 'special');
  assert.deepEqual(
    [list[0]?.['Name'], list[0]?.['Image Name'], list[0]?.['Flavor'], list[0]?.['Power State']],
    ['s1', 'img', 'metal', 1],
  );
  assert.match(output, /n1 login:/);
  assert.equal(ports[0]?.['Status'], 'ACTIVE');
  assert.deepEqual([tagged.map((row) => row['Name']), untagged], [['s2'], []]);
  assert.deepEqual(stopped['tags'], ['second', 'third']);
  assert.deepEqual([stopped['name'], stopped['status'], stopped['properties']], ['s2', 'SHUTOFF', { a: 'b' }]);
  assert.equal(rebuilt['status'], 'REBUILD');
  assert.deepEqual(
    events.map((row) => row['Action']),
    ['rebuild', 'reboot', 'start', 'stop', 'create'],
  );
  assert.equal(last['status'], 'ACTIVE');
});

test('reports what is unsupported, and why a server has no node', { skip }, async () => {
  await assert.rejects(
    openstack(ingot.env, ['server', 'resize', '--flavor', 'metal', 's2']),
    /action resize is not supported by Ingot yet.*HTTP 501/s,
  );
  const { replies } = await openstackSession(ingot.env, [
    'server create --image img --flavor metal --network net1 nofit',
    'server show nofit -c fault -c status -f json',
    'server delete nofit --wait',
  ]);
  const [shown] = replies as [{ status: string; fault: { message: string } }];

  assert.equal(shown.status, 'ERROR');
  assert.equal(shown.fault.message, 'No valid host was found. Of 1 node: 1 in use.');
});

test('answers the reads that clients make routinely', { skip }, async () => {
  const commands = [
    'hypervisor list',
    'hypervisor show 1',
    'compute service list',
    'availability zone list --long',
    'aggregate list',
    'server group list',
    'limits show --absolute',
    'usage show',
    'quota show',
    'extension list --compute',
    'server volume list s2',
    'server migration list',
    'baremetal node vif list n1',
    'baremetal node history list n1',
    'baremetal conductor list',
    'baremetal allocation list',
    'baremetal chassis list',
    'baremetal port group list',
    'baremetal volume connector list',
    'baremetal deploy template list',
    'baremetal node console show n1',
  ];

  const { replies, output } = await openstackSession(
    ingot.env,
    commands.map((command) => `${command} -f json`),
  );

  assert.equal(replies.length, commands.length, output);
});

test("does the same with the oldest microversions, the clients' default", { skip }, async () => {
  const { OS_COMPUTE_API_VERSION: _, OS_BAREMETAL_API_VERSION: __, ...unset } = ingot.env;
  const old = await openstackSession({ ...unset, OS_BAREMETAL_API_VERSION: '1.9' }, [
    'server list --long -f json',
    'server show s2 -f json',
    'hypervisor list --long -f json',
    'hypervisor stats show -f json',
    'baremetal node show n1 -f json',
  ]);
  const standard = await openstackSession(unset, ['baremetal node list --long -f json', 'baremetal port list -f json']);
  const [list, server, hypervisors, statistics, node] = old.replies as [Row[], Row, Row[], Row, Row];

  assert.equal(list[0]?.['Flavor Name'], 'metal', old.output);
  assert.match(String(server['flavor']), /^metal \(7\)$/);
  assert.equal(hypervisors[0]?.['vCPUs Used'], 4);
  assert.equal(statistics['memory_mb_used'], 4096);
  assert.equal(node['provision_state'], 'active');
  assert.equal('resource_class' in node, false);
  const [nodes, ports] = standard.replies as [Row[], Row[]];
  assert.equal(nodes[0]?.['Resource Class'], 'gold');
  assert.equal(ports[0]?.['Address'], '52:54:00:11:22:33');
});

test('deletes a server, frees its node, and deletes both', { skip }, async () => {
  const { replies, output } = await openstackSession(ingot.env, [
    'server delete s2 --wait',
    // The progress output of the command above has no final newline.
    'flavor show metal -f value -c name',
    'server list -f json',
    'baremetal node show n1 --fields provision_state instance_uuid -f json',
    'baremetal node unset n1 --extra a --property cpu_arch',
    'baremetal node remove trait n1 --all',
    'baremetal node delete n1',
    'baremetal node list -f json',
    'baremetal port list -f json',
    'flavor delete metal',
    'flavor list -f json',
  ]);
  const [servers, node, nodes, ports, flavors] = replies as [Row[], Row, Row[], Row[], Row[]];

  assert.deepEqual(servers, [], output);
  assert.deepEqual(node, { provision_state: 'available', instance_uuid: null });
  assert.deepEqual([nodes, ports, flavors], [[], [], []], output);
});
