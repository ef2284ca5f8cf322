/** An API with one of each kind of record, and a valid request for every changing route. */
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import { aFlavor, anImage } from '#test/a-task.ts';
import { openRackFixture, type RackFixture } from '#test/rack-fixture.ts';

export type ApiRequest = readonly [method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', url: string, body: unknown];

export type ApiRoute = { readonly method: string; readonly url: string; readonly bodyLimit: number };

export type FullApi = {
  readonly fixture: RackFixture;
  /** All routes of the API, as registered. */
  readonly routes: readonly ApiRoute[];
  readonly requestTable: readonly ApiRequest[];
  /** Lists, and things that do not exist. */
  readonly readTable: readonly string[];
};

export const contentTypes = [
  'application/json',
  'application/openstack-images-v2.1-json-patch',
  'text/plain',
  'application/x-www-form-urlencoded',
  'bogus',
];

export const strangeQueries = [
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
  'hasOwnProperty=x',
  'valueOf=1&toString=1',
  '%',
];

type Ids = {
  readonly image: string;
  readonly node: string;
  readonly network: string;
  readonly subnetId: string;
  readonly portId: string;
  readonly serverId: string;
  readonly userId: string;
  readonly projectId: string;
  readonly nodePort: string;
};

const inventory = {
  cpu: { count: 1, model: 'm', architecture: 'x86_64', flags: ['vmx'] },
  memory_bytes: 1e9,
  disks: [{ device: '/dev/sda', size_bytes: 1e9, model: null, serial: '', rotational: false, removable: false }],
  nics: [{ name: 'eth0', mac: 'aa:bb:cc:00:00:01', driver: 'virtio', link: true, speed_mbps: null, address: null }],
  system: { vendor: 'v', product: 'p', serial: 's', uuid: 'u' },
  firmware: { mode: 'bios', version: '1' },
};
const properties = { cpus: 4, memory_mb: 4096, local_gb: 20 };
const pools = [{ start: '10.1.0.10', end: '10.1.0.90' }];
const user = { name: 'u', password: 'a long password' };
const password = { user: { name: 'u', domain: { id: 'default' }, password: 'wrong' } };
const auth = { identity: { methods: ['password'], password }, scope: { project: { name: 'p', domain: { id: 'default' } } } };
const [compute, network2, bare, identity] = ['/compute/v2.1', '/network/v2.0', '/baremetal/v1', '/identity/v3'];
const metadata = { a: 'b' };
const subnetOf = (network: string) => ({ network_id: network, cidr: '10.1.0.0/24', ip_version: 4, allocation_pools: pools });
const serverOf = ({ image, network }: Pick<Ids, 'image' | 'network'>) => ({
  ...{ name: 's', imageRef: image, flavorRef: 'f1' },
  networks: [{ uuid: network, fixed_ip: '10.1.0.20' }],
});

export async function openFullApi(): Promise<FullApi> {
  const fixture = await openRackFixture({
    images: (store, directory) => createImageFiles({ store, directory, log: pino({ level: 'silent' }) }),
  });
  const routes: ApiRoute[] = [];
  fixture.app.addHook('onRoute', ({ method, url, bodyLimit }) => {
    for (const each of [method].flat())
      routes.push({ method: each, url, bodyLimit: bodyLimit ?? fixture.app.initialConfig.bodyLimit ?? 0 });
  });
  const ids = await fill(fixture);
  const tables = [identityRequests, imageRequests, networkRequests, computeRequests, serverRequests, baremetalRequests];
  return { fixture, routes, requestTable: tables.flatMap((table) => table(ids)), readTable: readsOf(ids) };
}

async function fill(fixture: RackFixture): Promise<Ids> {
  await fixture.store.flavors.insert(aFlavor());
  const image = await fixture.store.images.insert(anImage());
  const node = await fixture.engine.createNode({ driver: 'fake-hardware', name: 'n1', provision_state: 'available', properties });
  await fixture.store.nodes.update({ uuid: node.uuid }, { inventory });
  const idOf = async (url: string, payload: object) => {
    const { body } = await fixture.ask({ method: 'POST', url, payload });
    return (Object.values(body)[0] as { id?: string })?.id ?? body.uuid ?? body.id;
  };
  const network = await idOf('/network/v2.0/networks', { network: { name: 'net' } });
  const subnet = subnetOf(network);
  const subnetId = await idOf('/network/v2.0/subnets', { subnet });
  const portId = await idOf('/network/v2.0/ports', { port: { network_id: network } });
  const server = serverOf({ image: image.id, network });
  const serverId = await idOf('/compute/v2.1/servers', { server });
  const userId = await idOf('/identity/v3/users', { user });
  const projectId = await idOf('/identity/v3/projects', { project: { name: 'p' } });
  const nodePort = await idOf('/baremetal/v1/ports', { node_uuid: node.uuid, address: 'aa:bb:cc:00:00:01' });
  await fixture.quiet();

  return { image: image.id, node: node.uuid, network, subnetId, portId, serverId, userId, projectId, nodePort };
}

function identityRequests({ userId, projectId }: Ids): ApiRequest[] {
  return [
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
    [
      'POST',
      `${identity}/OS-TRUST/trusts`,
      {
        trust: {
          ...{ trustor_user_id: userId, trustee_user_id: userId, project_id: projectId, impersonation: true },
          ...{ roles: [{ name: 'reader' }], expires_at: null, remaining_uses: 1, redelegation_count: 0 },
        },
      },
    ],
  ];
}

function imageRequests({ image }: Ids): ApiRequest[] {
  return [
    ['POST', '/image/v2/images', { name: 'i', disk_format: 'raw', container_format: 'bare', min_disk: 1, tags: ['t'], p: 'v' }],
    ['PATCH', `/image/v2/images/${image}`, [{ op: 'replace', path: '/name', value: 'x' }]],
  ];
}

function networkRequests({ network, subnetId, portId }: Ids): ApiRequest[] {
  const subnet = subnetOf(network);
  return [
    ['POST', `${network2}/networks`, { network: { name: 'n', shared: false, mtu: 1500, admin_state_up: true } }],
    ['PUT', `${network2}/networks/${network}`, { network: { name: 'n' } }],
    [
      'POST',
      `${network2}/subnets`,
      { subnet: { ...subnet, cidr: '10.2.0.0/24', gateway_ip: '10.2.0.1', dns_nameservers: ['1.1.1.1'], host_routes: [] } },
    ],
    ['PUT', `${network2}/subnets/${subnetId}`, { subnet: { gateway_ip: '10.1.0.1', dns_nameservers: ['9.9.9.9'] } }],
    [
      'POST',
      `${network2}/ports`,
      { port: { network_id: network, fixed_ips: [{ subnet_id: subnetId, ip_address: '10.1.0.30' }] } },
    ],
    ['PUT', `${network2}/ports/${portId}`, { port: { name: 'p', fixed_ips: [{ ip_address: '10.1.0.31' }] } }],
  ];
}

function computeRequests(): ApiRequest[] {
  return [
    ['POST', `${compute}/flavors`, { flavor: { name: 'f', vcpus: 1, ram: 1, disk: 1, swap: 0, 'OS-FLV-EXT-DATA:ephemeral': 0 } }],
    ['POST', `${compute}/flavors/f1/os-extra_specs`, { extra_specs: { cpu_arch: 'x86_64' } }],
    ['PUT', `${compute}/flavors/f1/os-extra_specs/cpu_arch`, { cpu_arch: 's== x86_64' }],
    ['POST', `${compute}/os-keypairs`, { keypair: { name: 'k', public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== x' } }],
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
  ];
}

function serverRequests({ image, network, serverId }: Ids): ApiRequest[] {
  const server = serverOf({ image, network });
  return [
    [
      'POST',
      `${compute}/servers`,
      { server: { ...server, metadata, user_data: 'YQ==', min_count: 1, max_count: 1, availability_zone: 'nova' } },
    ],
    ['POST', `${compute}/servers`, { server, 'os:scheduler_hints': { node: 'n1' } }],
    ['PUT', `${compute}/servers/${serverId}`, { server: { name: 'new', description: 'd' } }],
    ['POST', `${compute}/servers/${serverId}/action`, { reboot: { type: 'SOFT' } }],
    ['POST', `${compute}/servers/${serverId}/action`, { rebuild: { imageRef: image, name: 'x', metadata, user_data: 'YQ==' } }],
    ['POST', `${compute}/servers/${serverId}/action`, { 'os-getConsoleOutput': { length: 5 } }],
    ['POST', `${compute}/servers/${serverId}/metadata`, { metadata }],
    ['PUT', `${compute}/servers/${serverId}/metadata/a`, { meta: metadata }],
  ];
}

function baremetalRequests({ node, nodePort }: Ids): ApiRequest[] {
  return [
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
    ['POST', `${bare}/ports`, { node_uuid: node, address: 'aa:bb:cc:00:00:02', extra: {}, pxe_enabled: true }],
    ['PATCH', `${bare}/ports/${nodePort}`, [{ op: 'replace', path: '/address', value: 'aa:bb:cc:00:00:03' }]],
    ['PUT', `${bare}/nodes/n1/states/console`, { enabled: true }],
    ['PUT', `${bare}/nodes/n1/states/boot_mode`, { target: 'uefi' }],
    ['PUT', `${bare}/nodes/n1/states/secure_boot`, { target: true }],
    ['PUT', `${bare}/nodes/n1/management/inject_nmi`, {}],
    ['PUT', `${bare}/nodes/n1/management/indicators/chassis@id`, { state: 'ON' }],
    ['POST', `${bare}/nodes/n1/vmedia`, { device_type: 'cdrom', image_url: 'http://192.0.2.9/x.iso' }],
    ['POST', `${bare}/nodes/n1/vendor_passthru?method=send_raw`, { raw_bytes: '0x06 0x01' }],
    ['DELETE', `${bare}/nodes/n1/vmedia?device_types=cdrom,floppy`, { device_types: ['cdrom'] }],
    [
      'POST',
      `${bare}/nodes`,
      {
        ...{ driver: 'fake-hardware', description: 'd', owner: 'o', shard: 's', parent_node: 'n1', instance_name: 'i' },
        ...{ resource_class: 'r', bios_interface: 'fake', firmware_interface: 'fake', instance_info: { display_name: 'x' } },
      },
    ],
    [
      'PATCH',
      `${bare}/nodes/n1`,
      [
        { op: 'replace', path: '/shard', value: 's' },
        { op: 'add', path: '/instance_name', value: 'i' },
        { op: 'add', path: '/parent_node', value: node },
        { op: 'remove', path: '/description' },
      ],
    ],
    [
      'POST',
      `${bare}/ports`,
      {
        ...{ node_ident: 'n1', address: 'aa:bb:cc:00:00:04', name: 'p', description: 'd', vendor: 'v', category: 'c' },
        local_link_connection: { switch_id: '00:1c:73:00:00:01', port_id: 'p', switch_info: 'i', 'vtep-logical-switch': 'l' },
      },
    ],
    [
      'PATCH',
      `${bare}/ports/${nodePort}`,
      [
        { op: 'add', path: '/name', value: 'q' },
        { op: 'add', path: '/local_link_connection/hostname', value: 'h' },
        { op: 'replace', path: '/category', value: 'c' },
      ],
    ],
  ];
}

const nodeParts = [
  'inventory',
  'vmedia',
  'children',
  'firmware',
  'bios',
  'traits',
  'ports',
  'ports/detail',
  'states',
  'vifs',
  '',
];

function readsOf({ serverId }: Ids): string[] {
  const lists = ['servers/detail', 'flavors/detail', 'os-keypairs', 'os-hypervisors', 'os-hypervisors/detail'].map(
    (name) => `${compute}/${name}`,
  );
  return [
    ...lists,
    `${compute}/servers/${serverId}/os-ingot-events`,
    `${compute}/servers/${serverId}/os-instance-actions`,
    `${bare}/nodes`,
    `${bare}/nodes/detail`,
    `${bare}/nodes/n1/operations`,
    `${bare}/nodes/n1/events`,
    `${bare}/nodes/n1/history`,
    ...['shards', 'ports', 'ports/detail', 'drivers', 'conductors', 'lookup', 'volume/targets'].map((name) => `${bare}/${name}`),
    ...nodeParts.map((name) => `${bare}/nodes/n1/${name}`),
    ...['os-baremetal-nodes', 'os-hypervisors/statistics', 'os-simple-tenant-usage', 'limits', 'servers'].map(
      (name) => `${compute}/${name}`,
    ),
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
}
