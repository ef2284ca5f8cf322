/** Strange requests to every changing route of the API, from a seeded generator: whatever comes, none is our defect (500). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import { aFlavor, anImage } from './a-task.ts';
import { openRackStage } from './rack-stage.ts';

const stage = await openRackStage({
  images: (store, directory) => createImageFiles({ store, directory, log: pino({ level: 'silent' }) }),
});
after(() => stage.close());

const seed = Number(process.env['FUZZ_SEED'] ?? 20240607);
const rounds = Number(process.env['FUZZ_ROUNDS'] ?? 12);

/** Mulberry32. */
function generator(state: number): () => number {
  let a = state;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
const random = generator(seed);
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

type Json = unknown;

const strange: readonly Json[] = [
  null,
  true,
  '',
  ' ',
  0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  -(2 ** 63),
  [],
  {},
  [null],
  [[]],
  { a: { b: [] } },
  "'; DROP TABLE nodes; --",
  '../../../etc/passwd',
  '\u0000',
  '\ud800',
  '日本語 🖥',
  '__proto__',
  'constructor',
  '%s%n%00',
  'x'.repeat(5000),
  '2024-99-99T99:99:99Z',
  '999.999.999.999/99',
  '::/0',
  '0.0.0.0/0',
  'nan',
];

/** The value with one place of it exchanged, left out or added. */
function mutate(value: Json): Json {
  if (typeof value !== 'object' || value === null || random() < 0.15) return pick(strange);
  const copy = structuredClone(value) as Record<string, Json>;
  const key = pick(Object.keys(copy));
  if (key === undefined || random() < 0.1) {
    if (!Array.isArray(copy)) copy[String(pick(['name', 'id', '__proto__x', 'extra', '']))] = pick(strange);
    return copy;
  }
  if (random() < 0.1) delete copy[key];
  else copy[key] = mutate(copy[key]);
  return copy;
}

await stage.store.flavors.insert(aFlavor());
const image = await stage.store.images.insert(anImage());
const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
const node = await stage.engine.createNode({ driver: 'fake-hardware', name: 'n1', provision_state: 'available', properties });
const idOf = async (url: string, payload: object) => {
  const { body } = await stage.ask({ method: 'POST', url, payload });
  return (Object.values(body)[0] as { id?: string })?.id ?? body.uuid ?? body.id;
};
const network = await idOf('/network/v2.0/networks', { network: { name: 'net' } });
const subnet = {
  network_id: network,
  cidr: '10.1.0.0/24',
  ip_version: 4,
  allocation_pools: [{ start: '10.1.0.10', end: '10.1.0.90' }],
};
const subnetId = await idOf('/network/v2.0/subnets', { subnet });
const portId = await idOf('/network/v2.0/ports', { port: { network_id: network } });
const server = { name: 's', imageRef: image.id, flavorRef: 'f1', networks: [{ uuid: network, fixed_ip: '10.1.0.20' }] };
const serverId = await idOf('/compute/v2.1/servers', { server });
const user = { name: 'u', password: 'a long password' };
const userId = await idOf('/identity/v3/users', { user });
const projectId = await idOf('/identity/v3/projects', { project: { name: 'p' } });
const nodePort = await idOf('/baremetal/v1/ports', { node_uuid: node.uuid, address: 'aa:bb:cc:00:00:01' });
await stage.quiet();

const password = { user: { name: 'u', domain: { id: 'default' }, password: 'wrong' } };
const auth = { identity: { methods: ['password'], password }, scope: { project: { name: 'p', domain: { id: 'default' } } } };
const [compute, network2, bare, identity] = ['/compute/v2.1', '/network/v2.0', '/baremetal/v1', '/identity/v3'];
const metadata = { a: 'b' };

const requestTable: readonly [method: 'POST' | 'PUT' | 'PATCH', url: string, body: Json][] = [
  ['POST', `${identity}/auth/tokens`, { auth }],
  ['POST', `${identity}/projects`, { project: { name: 'q', description: 'd', enabled: true } }],
  ['PATCH', `${identity}/projects/${projectId}`, { project: { description: 'd' } }],
  ['POST', `${identity}/users`, { user: { ...user, email: 'e', enabled: true, default_project_id: projectId } }],
  ['PATCH', `${identity}/users/${userId}`, { user: { name: 'u2' } }],
  ['POST', `${identity}/users/${userId}/password`, { user: { password: 'x', original_password: 'y' } }],
  [
    'POST',
    `${identity}/users/${userId}/application_credentials`,
    { application_credential: { name: 'c', roles: [{ name: 'reader' }] } },
  ],
  ['POST', '/image/v2/images', { name: 'i', disk_format: 'raw', container_format: 'bare', min_disk: 1, tags: ['t'], p: 'v' }],
  ['PATCH', `/image/v2/images/${image.id}`, [{ op: 'replace', path: '/name', value: 'x' }]],
  ['POST', `${network2}/networks`, { network: { name: 'n', shared: false, mtu: 1500, admin_state_up: true } }],
  ['PUT', `${network2}/networks/${network}`, { network: { name: 'n' } }],
  [
    'POST',
    `${network2}/subnets`,
    { subnet: { ...subnet, cidr: '10.2.0.0/24', gateway_ip: '10.2.0.1', dns_nameservers: ['1.1.1.1'], host_routes: [] } },
  ],
  ['PUT', `${network2}/subnets/${subnetId}`, { subnet: { gateway_ip: '10.1.0.1', dns_nameservers: ['9.9.9.9'] } }],
  ['POST', `${network2}/ports`, { port: { network_id: network, fixed_ips: [{ subnet_id: subnetId, ip_address: '10.1.0.30' }] } }],
  ['PUT', `${network2}/ports/${portId}`, { port: { name: 'p', fixed_ips: [{ ip_address: '10.1.0.31' }] } }],
  ['POST', `${compute}/flavors`, { flavor: { name: 'f', vcpus: 1, ram: 1, disk: 1, swap: 0, 'OS-FLV-EXT-DATA:ephemeral': 0 } }],
  ['POST', `${compute}/flavors/f1/os-extra_specs`, { extra_specs: { cpu_arch: 'x86_64' } }],
  ['PUT', `${compute}/flavors/f1/os-extra_specs/cpu_arch`, { cpu_arch: 's== x86_64' }],
  ['POST', `${compute}/os-keypairs`, { keypair: { name: 'k', public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== x' } }],
  [
    'POST',
    `${compute}/servers`,
    { server: { ...server, metadata, user_data: 'YQ==', min_count: 1, max_count: 1, availability_zone: 'nova' } },
  ],
  ['POST', `${compute}/servers`, { server, 'os:scheduler_hints': { node: 'n1' } }],
  ['PUT', `${compute}/servers/${serverId}`, { server: { name: 'new', description: 'd' } }],
  ['POST', `${compute}/servers/${serverId}/action`, { reboot: { type: 'SOFT' } }],
  ['POST', `${compute}/servers/${serverId}/action`, { rebuild: { imageRef: image.id, name: 'x', metadata, user_data: 'YQ==' } }],
  ['POST', `${compute}/servers/${serverId}/action`, { 'os-getConsoleOutput': { length: 5 } }],
  ['POST', `${compute}/servers/${serverId}/metadata`, { metadata }],
  ['PUT', `${compute}/servers/${serverId}/metadata/a`, { meta: metadata }],
  [
    'POST',
    `${compute}/os-baremetal-nodes`,
    {
      node: {
        cpus: 1,
        memory_mb: 1,
        local_gb: 1,
        pm_address: '10.0.0.1',
        pm_user: 'u',
        pm_password: 'p',
        prov_mac_address: 'aa:bb:cc:00:00:09',
      },
    },
  ],
  [
    'POST',
    `${compute}/os-baremetal-nodes/1/action`,
    { add_interface: { address: 'aa:bb:cc:00:00:08', datapath_id: null, port_no: 1 } },
  ],
  [
    'POST',
    `${bare}/nodes`,
    { driver: 'fake-hardware', name: 'n2', properties, driver_info: { fake_fail: 'x' }, extra: {}, traits: [] },
  ],
  ['PATCH', `${bare}/nodes/n1`, [{ op: 'add', path: '/extra/a', value: 1 }]],
  ['PATCH', `${bare}/nodes/n1`, [{ op: 'replace', path: '/properties/cpus', value: 4 }]],
  ['PUT', `${bare}/nodes/n1/states/power`, { target: 'power on', timeout: 5 }],
  ['PUT', `${bare}/nodes/n1/states/provision`, { target: 'manage' }],
  ['PUT', `${bare}/nodes/n1/maintenance`, { reason: 'r' }],
  ['PUT', `${bare}/nodes/n1/management/boot_device`, { boot_device: 'pxe', persistent: true }],
  ['PUT', `${bare}/nodes/n1/traits`, { traits: ['CUSTOM_A'] }],
  ['POST', `${bare}/ports`, { node_uuid: node.uuid, address: 'aa:bb:cc:00:00:02', extra: {}, pxe_enabled: true }],
  ['PATCH', `${bare}/ports/${nodePort}`, [{ op: 'replace', path: '/address', value: 'aa:bb:cc:00:00:03' }]],
];

const queries = [
  'limit=-1',
  'limit=1e9',
  'limit=x',
  'marker=nope',
  'sort_key=__proto__',
  "name='",
  'fields=%00',
  'changes-since=x',
  'sort_dir=x',
  'fields=constructor',
  '%',
];
const lists = ['servers/detail', 'flavors/detail', 'os-keypairs', 'os-hypervisors', 'os-hypervisors/detail'].map(
  (name) => `${compute}/${name}`,
);
const readTable = [
  ...lists,
  `${compute}/servers/${serverId}/os-ingot-events`,
  `${compute}/servers/${serverId}/os-instance-actions`,
  `${bare}/nodes`,
  `${bare}/nodes/detail`,
  `${bare}/nodes/n1/operations`,
  `${bare}/nodes/n1/events`,
  `${bare}/nodes/n1/history`,
  `${bare}/ports`,
  `${network2}/ports`,
  `${network2}/networks`,
  `${network2}/subnets`,
  '/image/v2/images',
  `${identity}/users`,
  `${identity}/role_assignments`,
  `${bare}/nodes/%00`,
  `${compute}/servers/%ff`,
  `${compute}/flavors/${'y'.repeat(250)}`,
];

const contentTypes = [
  'application/json',
  'application/json',
  'application/json',
  'application/openstack-images-v2.1-json-patch',
  'text/plain',
  'application/x-www-form-urlencoded',
  'bogus',
];
const rawBodies = [
  '{',
  '[',
  '{"a":',
  '"',
  '\ufffe',
  'NaN',
  `${'['.repeat(20000)}${']'.repeat(20000)}`,
  '{"__proto__":{"x":1}}',
  '{"a":1e999}',
];

type Reply = { status: number; body: unknown };

function payloadOf(body: Json): string | Buffer {
  const dice = random();
  if (dice < 0.04) return pick(rawBodies);
  if (dice < 0.06) return Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
  return JSON.stringify(mutate(dice < 0.3 ? mutate(body) : body)) ?? 'null';
}

test(`strange bodies are never answered with 500 (FUZZ_SEED=${seed})`, async () => {
  const defects: string[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const [method, url, body] of requestTable) {
      const payload = payloadOf(body);
      const isPatchOfImage = url.startsWith('/image') && method === 'PATCH' && random() < 0.9;
      const type = isPatchOfImage ? contentTypes[3] : random() < 0.95 ? 'application/json' : pick(contentTypes);
      const version = { 'x-openstack-nova-api-version': pick(['2.1', '2.90', '2.37']), 'x-openstack-ironic-api-version': '1.78' };
      const reply: Reply = await stage.ask({ method, url, headers: { 'content-type': type, ...version }, payload });
      if (reply.status === 500)
        defects.push(`${method} ${url} ${payload.toString().slice(0, 300)} → ${JSON.stringify(reply.body)}`);
    }
    // Nothing that was asked for may break what runs behind the API either.
    await stage.quiet();
  }
  assert.deepEqual(defects, []);
});

test('strange queries are never answered with 500', async () => {
  const defects: string[] = [];
  for (const url of readTable) {
    for (const query of queries) {
      const { status } = await stage.ask({ url: `${url}?${query}` });
      if (status === 500) defects.push(`GET ${url}?${query}`);
    }
  }
  assert.deepEqual(defects, []);
});
