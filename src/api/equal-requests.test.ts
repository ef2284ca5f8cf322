/** Fifty equal requests at once for each resource that can be created: one succeeds, the others are told why not. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const { url } = await fixture.listen();
const token = await fixture.logIn('admin', 'correct horse');
const headers = { 'x-auth-token': token, 'content-type': 'application/json', 'openstack-api-version': 'compute 2.90' };
const atOnce = 50;

type Reply = { status: number; text: string };

async function send(method: string, path: string, body?: object): Promise<Reply> {
  const reply = await fetch(url + path, {
    method,
    headers: { ...headers, 'x-openstack-ironic-api-version': '1.94' },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: reply.status, text: await reply.text() };
}

async function make(path: string, body: object): Promise<Record<string, Record<string, string>>> {
  const { status, text } = await send('POST', path, body);
  assert.ok(status < 300, `${path}: ${status} ${text}`);
  return JSON.parse(text);
}

await fixture.store.flavors.insert(aFlavor());
await fixture.store.images.insert(anImage());
const node = await fixture.engine.createNode({ driver: 'fake-hardware', name: 'with ports' });
const { network } = await make('/network/v2.0/networks', { network: { name: 'fabric' } });
const network_id = network?.['id'] ?? '';
const subnet = { network_id, ip_version: 4, cidr: '10.20.0.0/24' };
await make('/network/v2.0/subnets', { subnet });
const { port } = await make('/network/v2.0/ports', { port: { network_id } });
const { user } = await make('/identity/v3/users', { user: { name: 'someone', password: 'a long password' } });
const { project } = await make('/identity/v3/projects', { project: { name: 'somewhere' } });
const me = (await fixture.store.users.find({ name: 'admin' }))?.id;
for (const index of [1, 2, 3]) {
  const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
  const { uuid } = await fixture.engine.createNode({ driver: 'fake-hardware', provision_state: 'available', properties });
  await fixture.engine.createNodePort({ node_uuid: uuid, address: `52:54:00:00:01:0${index}` });
}
const uuid = '7a1c6a3e-6d0e-4b4c-9f0e-0123456789ab';

type Row = {
  readonly what: string;
  readonly path: string;
  readonly body: object;
  readonly status?: number;
  readonly message: RegExp;
};

const rows: readonly Row[] = [
  {
    what: 'node with a name',
    path: '/baremetal/v1/nodes',
    body: { driver: 'fake-hardware', name: 'twin' },
    message: /A node with name twin already exists/,
  },
  {
    what: 'chassis with a UUID',
    path: '/baremetal/v1/chassis',
    body: { uuid },
    message: /A chassis with UUID 7a1c6a3e-6d0e-4b4c-9f0e-0123456789ab already exists/,
  },
  {
    what: 'allocation with a name',
    path: '/baremetal/v1/allocations',
    body: { resource_class: 'none', name: 'twin' },
    message: /An allocation with name twin already exists/,
  },
  {
    what: 'allocation with a UUID',
    path: '/baremetal/v1/allocations',
    body: { resource_class: 'none', uuid },
    message: /An allocation with UUID 7a1c6a3e-6d0e-4b4c-9f0e-0123456789ab already exists/,
  },
  {
    what: 'node with a UUID',
    path: '/baremetal/v1/nodes',
    body: { driver: 'fake-hardware', uuid },
    message: /A node with UUID 7a1c6a3e-6d0e-4b4c-9f0e-0123456789ab already exists/,
  },
  {
    what: 'port group with a name',
    path: '/baremetal/v1/portgroups',
    body: { node_uuid: node.uuid, name: 'twin' },
    message: /A portgroup with name twin already exists/,
  },
  {
    what: 'port group with an address',
    path: '/baremetal/v1/portgroups',
    body: { node_uuid: node.uuid, address: 'aa:bb:cc:dd:ee:01' },
    message: /A portgroup with MAC address aa:bb:cc:dd:ee:01 already exists/,
  },
  {
    what: 'port group with a UUID',
    path: '/baremetal/v1/portgroups',
    body: { node_uuid: node.uuid, uuid },
    message: /A portgroup with UUID 7a1c6a3e-6d0e-4b4c-9f0e-0123456789ab already exists/,
  },
  {
    what: 'volume connector with an id',
    path: '/baremetal/v1/volume/connectors',
    body: { node_uuid: node.uuid, type: 'iqn', connector_id: 'twin' },
    message: /A volume connector with type iqn and connector ID twin already exists/,
  },
  {
    what: 'volume target with a boot index',
    path: '/baremetal/v1/volume/targets',
    body: { node_uuid: node.uuid, volume_type: 'iscsi', volume_id: 'twin', boot_index: 0 },
    message: /A volume target with boot index '0' for the same node already exists/,
  },
  {
    what: 'node port with an address',
    path: '/baremetal/v1/ports',
    body: { node_uuid: node.uuid, address: 'aa:bb:cc:dd:ee:01' },
    message: /A port with MAC address aa:bb:cc:dd:ee:01 already exists/,
  },
  {
    what: 'node port with a name',
    path: '/baremetal/v1/ports',
    body: { node_uuid: node.uuid, address: 'aa:bb:cc:dd:ee:02', name: 'twin' },
    message: /A port with (name twin|MAC address aa:bb:cc:dd:ee:02) already exists/,
  },
  {
    what: 'flavor with a name',
    path: '/compute/v2.1/flavors',
    body: { flavor: { name: 'twin', vcpus: 1, ram: 1, disk: 1 } },
    message: /Flavor with name twin already exists/,
  },
  {
    what: 'flavor with an id',
    path: '/compute/v2.1/flavors',
    body: { flavor: { id: 'same', name: 'of the same id', vcpus: 1, ram: 1, disk: 1 } },
    message: /Flavor with (ID same|name of the same id) already exists/,
  },
  {
    what: 'key pair',
    path: '/compute/v2.1/os-keypairs',
    body: {
      keypair: {
        name: 'twin',
        public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrA1kzSgB0JWcPyh4XGwvoUW7ebIlz6CIgLcWhNWb5n me',
      },
    },
    message: /Key pair 'twin' already exists/,
  },
  {
    what: 'image with an id',
    path: '/image/v2/images',
    body: { id: uuid, name: 'twin', disk_format: 'raw', container_format: 'bare' },
    message: /Image ID 7a1c6a3e-6d0e-4b4c-9f0e-0123456789ab already exists!/,
  },
  {
    what: 'subnet with a CIDR',
    path: '/network/v2.0/subnets',
    body: { subnet: { ...subnet, cidr: '10.21.0.0/24' } },
    status: 400,
    message: /overlaps/,
  },
  {
    what: 'port with a MAC',
    path: '/network/v2.0/ports',
    body: { port: { network_id, mac_address: 'fa:16:3e:00:00:01' } },
    message: /"type":"MacAddressInUse".*fa:16:3e:00:00:01|fa:16:3e:00:00:01.*"MacAddressInUse"/,
  },
  {
    what: 'port with an address',
    path: '/network/v2.0/ports',
    body: { port: { network_id, fixed_ips: [{ ip_address: '10.20.0.77' }] } },
    message: /"type":"IpAddressAlreadyAllocated".*10\.20\.0\.77/,
  },
  {
    what: 'user',
    path: '/identity/v3/users',
    body: { user: { name: 'twin', password: 'a long password' } },
    message: /Conflict occurred attempting to store user - Duplicate entry found with name twin at domain ID default/,
  },
  {
    what: 'project',
    path: '/identity/v3/projects',
    body: { project: { name: 'twin' } },
    message: /Conflict occurred attempting to store project - .*twin/,
  },
  {
    what: 'application credential',
    path: `/identity/v3/users/${me}/application_credentials`,
    body: { application_credential: { name: 'twin' } },
    message: /Conflict occurred attempting to store application_credential - Duplicate entry found with name twin/,
  },
];

type Change = { what: string; path: string; make: (index: number) => object; change: object; message: RegExp };

/** `make` creates the records that are then renamed. */
const changes: readonly (Change & { method: 'PATCH' | 'PUT'; noun?: string; id?: string })[] = [
  {
    what: 'nodes',
    method: 'PATCH',
    path: '/baremetal/v1/nodes',
    id: 'uuid',
    make: () => ({ driver: 'fake-hardware' }),
    change: [{ op: 'replace', path: '/name', value: 'renamed' }],
    message: /A node with name renamed already exists/,
  },
  {
    what: 'node ports',
    method: 'PATCH',
    path: '/baremetal/v1/ports',
    id: 'uuid',
    make: (index) => ({ node_uuid: node.uuid, address: `aa:bb:cc:dd:00:0${index}` }),
    change: [{ op: 'replace', path: '/address', value: 'aa:bb:cc:dd:00:ff' }],
    message: /A port with MAC address aa:bb:cc:dd:00:ff already exists/,
  },
  {
    what: 'node ports by name',
    method: 'PATCH',
    path: '/baremetal/v1/ports',
    id: 'uuid',
    make: (index) => ({ node_uuid: node.uuid, address: `aa:bb:cc:dd:01:0${index}` }),
    change: [{ op: 'add', path: '/name', value: 'renamed' }],
    message: /A port with name renamed already exists/,
  },
  {
    what: 'network ports',
    method: 'PUT',
    path: '/network/v2.0/ports',
    noun: 'port',
    make: () => ({ port: { network_id } }),
    change: { port: { mac_address: 'fa:16:3e:00:00:ff' } },
    message: /"type":"MacAddressInUse"/,
  },
  {
    what: 'users',
    method: 'PATCH',
    path: '/identity/v3/users',
    noun: 'user',
    make: (index) => ({ user: { name: `former ${index}` } }),
    change: { user: { name: 'renamed' } },
    message: /Conflict occurred attempting to store user - .*renamed/,
  },
  {
    what: 'projects',
    method: 'PATCH',
    path: '/identity/v3/projects',
    noun: 'project',
    make: (index) => ({ project: { name: `former ${index}` } }),
    change: { project: { name: 'renamed' } },
    message: /Conflict occurred attempting to store project - .*renamed/,
  },
];

suite('of two records changed to one unique value at the same time, one succeeds', () => {
  for (const { what, method, path, noun, id = 'id', make: bodyOf, change, message } of changes) {
    test(`${what}`, async () => {
      const made = await Promise.all([1, 2].map(async (index) => await make(path, bodyOf(index))));
      const ids = made.map((body) => ((noun === undefined ? body : body[noun]) as unknown as Record<string, string>)[id]);

      const replies = await Promise.all(ids.map((each) => send(method, `${path}/${each}`, change)));

      const refused = replies.filter((reply) => reply.status >= 300);
      assert.deepEqual([refused.length, refused[0]?.status], [1, 409], JSON.stringify(replies));
      assert.match(refused[0]?.text ?? '', message);
    });
  }
});

suite('of fifty equal concurrent requests, one creates', () => {
  for (const { what, path, body, status = 409, message } of rows) {
    test(`creates the ${what} once, and reports to the others that it exists`, async () => {
      const replies = await Promise.all(Array.from({ length: atOnce }, () => send('POST', path, body)));

      const refused = replies.filter((reply) => reply.status >= 300);
      assert.equal(refused.length, atOnce - 1, JSON.stringify(Object.groupBy(replies, (reply) => reply.status)).slice(0, 2000));
      for (const reply of refused) {
        assert.equal(reply.status, status, reply.text);
        assert.match(reply.text, message);
      }
    });
  }

  test('binds a server to a port once, where the others may fail earlier as in Nova', async () => {
    const server = { name: 'twin', imageRef: anImage().id, flavorRef: aFlavor().id, networks: [{ port: port?.['id'] }] };

    const replies = await Promise.all(Array.from({ length: atOnce }, () => send('POST', '/compute/v2.1/servers', { server })));
    await fixture.quiet();

    for (const { status, text } of replies) assert.ok(status === 202 || (status === 409 && /still in use/.test(text)), text);
    const servers = await fixture.store.servers.list();
    assert.equal(servers.filter(({ port_ids }) => port_ids.includes(port?.['id'] ?? '')).length, 1);
    assert.equal(servers.filter(({ vm_state }) => vm_state === 'active').length, 1);
  });

  test('assigns a role once, and the others find it assigned', async () => {
    const path = `/identity/v3/projects/${project?.['id']}/users/${user?.['id']}/roles/member`;

    const replies = await Promise.all(Array.from({ length: atOnce }, () => send('PUT', path)));

    assert.deepEqual([...new Set(replies.map((reply) => reply.status))], [204]);
    const assignments = JSON.parse((await send('GET', `/identity/v3/role_assignments?user.id=${user?.['id']}`)).text);
    assert.equal(assignments.role_assignments.length, 1);
  });
});
