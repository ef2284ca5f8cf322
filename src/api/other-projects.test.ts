/**
 * A member learns nothing about other projects: every route responds for an id of another project as for a nonexistent
 * id. The routes are those that the API registers, so a new one is tested without being listed here.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { RouteOptions } from 'fastify';
import type { Type } from 'typebox';
import { Value } from 'typebox/value';
import { type Ids, openTwoProjects } from '#test/two-projects.ts';

const { fixture, routes, member, own, others, nothing } = await openTwoProjects();
after(() => fixture.close());

type Ask = { method: string; url: string; body?: unknown; version?: string };

/** Parameters that are not project resources: the same value on both sides. */
const words: Readonly<Record<string, string>> = {
  key: 'k',
  part: 'x',
  member_id: 'x',
  label: 'x',
  port_id: 'x',
  volume_id: 'x',
  tag: 't',
  host: 'rack1',
  value: 't',
  alias: 'x',
  name: 'image',
  role_id: 'member',
  roles: 'member',
  domains: 'default',
  regions: 'RegionOne',
};
/** Path segments before a parameter that identifies nothing owned by a project. */
const nobodys = new Set([
  ...['services', 'endpoints', 'os-services', 'agents', 'dhcp-networks', 'l3-routers', 'network-ip-availabilities', 'segments'],
  ...['default-security-group-rules', 'service_profiles', 'service-providers'],
  ...['drivers', 'portgroups'],
  ...['credentials', 'OS-EC2', 'config', ':group', 'groups', 'limits', 'rule-types', 'registered_limits', 'endpoint_groups'],
  ...['identity_providers', 'protocols', 'mappings', 'service_providers', 'consumers', 'websso', 'authorize', 'access_tokens'],
  ...['trusts', 'access_rules', 'tasks', 'cache'],
  ...['chassis', 'allocations', 'deploy_templates', 'runbooks', 'inspection_rules', 'volume', 'connectors', 'targets', 'traits'],
]);

/** `/servers/:id/tags/:part` with the ids of one side. @returns undefined if no part is an id of a project */
function fill(url: string, ids: Ids): string | undefined {
  const parts = url.split('/');
  let named = false;
  const filled = parts.map((part, index) => {
    if (!part.startsWith(':')) return part;
    const before = parts[index - 1] ?? '';
    const id = ids[before];
    if (id !== undefined) {
      named = true;
      return id;
    }
    return words[part.slice(1)] ?? words[before] ?? 'x';
  });
  return named ? filled.join('/') : undefined;
}

const ruleFields = {
  bandwidth_limit: { max_kbps: 1 },
  dscp_marking: { dscp_mark: 8 },
  minimum_bandwidth: { min_kbps: 1 },
  minimum_packet_rate: { min_kpps: 1 },
  packet_rate_limit: { max_kpps: 1 },
};
const ruleBodies = Object.fromEntries(
  Object.entries(ruleFields).flatMap(([type, fields]) => [
    [`POST /network/v2.0/qos/policies/:policy_id/${type}_rules`, { [`${type}_rule`]: fields }],
    [`PUT /network/v2.0/qos/policies/:policy_id/${type}_rules/:id`, { [`${type}_rule`]: fields }],
    [`PUT /network/v2.0/qos/alias_${type}_rules/:id`, { [`alias_${type}_rule`]: fields }],
  ]),
);

/** Bodies for routes where the schema's minimal value would not do. */
const bodies: Readonly<Record<string, unknown>> = {
  'POST /compute/v2.1/servers/:id/action': { reboot: { type: 'HARD' } },
  'PUT /compute/v2.1/servers/:id': { server: { name: 'new' } },
  'POST /compute/v2.1/servers/:id/metadata': { metadata: { k: 'v' } },
  'PUT /compute/v2.1/servers/:id/metadata': { metadata: { k: 'v' } },
  'PUT /compute/v2.1/servers/:id/metadata/:key': { meta: { k: 'v' } },
  'POST /compute/v2.1/servers/:id/remote-consoles': { remote_console: { protocol: 'serial', type: 'serial' } },
  'PATCH /image/v2/images/:id': [{ op: 'replace', path: '/name', value: 'new' }],
  'POST /image/v2/images/:id/members': { member: 'p' },
  'PUT /image/v2/images/:id/members/:member_id': { status: 'accepted' },
  'PUT /network/v2.0/networks/:id': { network: { name: 'new' } },
  'PUT /network/v2.0/subnets/:id': { subnet: { name: 'new' } },
  'PUT /network/v2.0/ports/:id': { port: { name: 'new' } },
  'PUT /network/v2.0/address-scopes/:id': { address_scope: { name: 'new' } },
  'PUT /network/v2.0/qos/policies/:id': { policy: { name: 'new' } },
  ...ruleBodies,
  'PUT /network/v2.0/subnetpools/:id': { subnetpool: { name: 'new' } },
  'PUT /network/v2.0/subnetpools/:id/add_prefixes': { prefixes: ['10.1.0.0/16'] },
  'PUT /network/v2.0/subnetpools/:id/remove_prefixes': { prefixes: ['10.1.0.0/16'] },
  'PUT /network/v2.0/address-groups/:id': { address_group: { name: 'new' } },
  'PUT /network/v2.0/address-groups/:id/add_addresses': { addresses: ['10.1.0.0/16'] },
  'PUT /network/v2.0/address-groups/:id/remove_addresses': { addresses: ['10.1.0.0/16'] },
  'PUT /network/v2.0/rbac-policies/:id': { rbac_policy: { target_tenant: '8'.repeat(32) } },
  'PUT /network/v2.0/security-groups/:id': { security_group: { name: 'new' } },
  'POST /network/v2.0/networks/:id/tags': { tags: ['new'] },
  'PUT /network/v2.0/networks/:id/tags': { tags: ['new'] },
  'POST /network/v2.0/subnets/:id/tags': { tags: ['new'] },
  'PUT /network/v2.0/subnets/:id/tags': { tags: ['new'] },
  'POST /network/v2.0/ports/:id/tags': { tags: ['new'] },
  'PUT /network/v2.0/ports/:id/tags': { tags: ['new'] },
  'POST /network/v2.0/security-groups/:id/tags': { tags: ['new'] },
  'PUT /network/v2.0/security-groups/:id/tags': { tags: ['new'] },
  'PATCH /identity/v3/projects/:id': { project: { description: 'new' } },
  'PATCH /identity/v3/users/:id': { user: { description: 'new' } },
  'POST /identity/v3/users/:id/password': { user: { original_password: 'wrong', password: 'another long one' } },
  'POST /identity/v3/users/:user_id/application_credentials': { application_credential: { name: 'new' } },
};

function bodyOf({ method, url, schema, config }: Pick<RouteOptions, 'method' | 'url' | 'schema' | 'config'>): unknown {
  const known = bodies[`${String(method)} ${url}`];
  const [row] = config?.rows ?? [];
  const body = row?.body ?? schema?.body;
  if (known === undefined && row?.action !== undefined) return { [row.action]: null };
  if (known !== undefined || body === undefined) return known;
  try {
    return Value.Create(body as ReturnType<typeof Type.Object>);
  } catch {
    return {};
  }
}

async function answer({ method, url, body, version = '2.1' }: Ask): Promise<{ status: number; text: string }> {
  const patch = method === 'PATCH' &&
    url.startsWith('/image/') && { 'content-type': 'application/openstack-images-v2.1-json-patch' };
  const binary = url.endsWith('/file') && method === 'PUT' && { 'content-type': 'application/octet-stream' };
  const type = binary || patch || (body !== undefined && { 'content-type': 'application/json' });
  const headers = { ...member, 'openstack-api-version': `compute ${version}`, ...type };
  const payload = binary ? 'data' : body === undefined ? undefined : JSON.stringify(body);
  const reply = await fixture.ask({ method: method as 'GET', url, headers, ...(payload !== undefined && { payload }) });
  return { status: reply.status, text: typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body) };
}

/** Masks the ids of both sides, request ids, times, and revisions of what both requests change. */
function blanked(text: string, ids: Ids): string {
  const longestFirst = Object.values(ids).sort((left, right) => right.length - left.length);
  return longestFirst
    .reduce((left, id) => left.replaceAll(id, 'ID'), text)
    .replace(/req-[0-9a-f-]{36}|"revision_number":\d+|\d{4}-\d\d-\d\dT[\d:.]+Z/g, '…');
}

/** @returns the status of both responses */
async function compare(asks: (ids: Ids) => Ask): Promise<number> {
  const elsewhere = await answer(asks(others));
  const nowhere = await answer(asks(nothing));
  const title = `${asks(others).method} ${asks(others).url}`;
  assert.equal(elsewhere.status, nowhere.status, `${title}: ${elsewhere.text} but ${nowhere.text}`);
  assert.equal(blanked(elsewhere.text, others), blanked(nowhere.text, nothing), title);
  return elsewhere.status;
}

const withIds = routes
  .flatMap((route) => [route.method].flat().map((method) => ({ ...route, method })))
  .filter(({ url, method }) => url.includes(':') && method !== 'HEAD');

test('this test knows every path parameter', () => {
  const unknown = withIds.flatMap(({ url }) => {
    const parts = url.split('/');
    return parts.flatMap((part, index) => {
      const before = parts[index - 1] ?? '';
      const isKnown = before in others || nobodys.has(before) || part.slice(1) in words || before in words;
      return part.startsWith(':') && !isKnown ? [`${url}: what is ${before}?`] : [];
    });
  });
  assert.ok(withIds.length > 150);
  assert.deepEqual(
    [...new Set(unknown)].filter((line) => !line.startsWith('/baremetal/')),
    [],
  );
});

for (const route of withIds) {
  const { method, url } = route;
  if (fill(url, others) === undefined) continue;
  test(`${method} ${url} reveals nothing of another project`, async () => {
    const body = bodyOf(route);
    for (const version of ['2.1', '2.90']) {
      const ask = (ids: Ids) => ({ method, url: fill(url, ids) ?? '', version, ...(body !== undefined && { body }) });
      // Otherwise the body was rejected before any lookup, and this test needs a better one.
      assert.notEqual(await compare(ask), 400);
    }
  });
}

test("the same routes show a member's own resources", async () => {
  const seen = ['servers', 'images', 'networks', 'subnets', 'ports'] as const;
  const service = {
    servers: '/compute/v2.1',
    images: '/image/v2',
    networks: '/network/v2.0',
    subnets: '/network/v2.0',
    ports: '/network/v2.0',
  };
  for (const noun of seen)
    assert.equal((await answer({ method: 'GET', url: `${service[noun]}/${noun}/${own[noun]}` })).status, 200);
});

const ofOwnServer = `/compute/v2.1/servers/${own['servers']}`;
const trx: { title: string; asks: (ids: Ids) => Ask }[] = [
  ...(['imageRef', 'flavorRef', 'key_name', 'network', 'port'] as const).map((field) => ({
    title: `POST /servers with ${field}`,
    asks: (ids: Ids): Ask => ({ method: 'POST', url: '/compute/v2.1/servers', body: { server: serverWith(field, ids) } }),
  })),
  {
    title: 'rebuild with imageRef',
    asks: ({ images }) => ({
      method: 'POST',
      url: `/compute/v2.1/servers/${own['servers']}/action`,
      body: { rebuild: { imageRef: images } },
    }),
  },
  {
    title: 'rebuild with key_name',
    asks: (ids) => ({
      method: 'POST',
      url: `/compute/v2.1/servers/${own['servers']}/action`,
      version: '2.90',
      body: { rebuild: { imageRef: own['images'], key_name: ids['os-keypairs'] } },
    }),
  },
  {
    title: 'a subnet on a network',
    asks: ({ networks }) => ({
      method: 'POST',
      url: '/network/v2.0/subnets',
      body: { subnet: { network_id: networks, ip_version: 4, cidr: '10.7.0.0/24' } },
    }),
  },
  {
    title: 'a port on a network',
    asks: ({ networks }) => ({ method: 'POST', url: '/network/v2.0/ports', body: { port: { network_id: networks } } }),
  },
  {
    title: 'a port with an address of a subnet',
    asks: ({ subnets }) => ({
      method: 'POST',
      url: '/network/v2.0/ports',
      body: { port: { network_id: own['networks'], fixed_ips: [{ subnet_id: subnets }] } },
    }),
  },
  {
    title: 'a rule for an address group',
    asks: (ids) => ({
      method: 'POST',
      url: '/network/v2.0/security-group-rules',
      body: {
        security_group_rule: {
          ...{ security_group_id: own['security-groups'], direction: 'ingress' },
          remote_address_group_id: ids['address-groups'],
        },
      },
    }),
  },
  ...(['networks', 'security-groups', 'address-groups', 'address-scopes'] as const).map((noun) => ({
    title: `an RBAC policy for ${noun}`,
    asks: (ids: Ids): Ask => ({
      method: 'POST',
      url: '/network/v2.0/rbac-policies',
      body: {
        rbac_policy: {
          ...{ object_type: noun.slice(0, -1).replace('-', '_'), object_id: ids[noun] },
          ...{ action: 'access_as_shared', target_tenant: own['projects'] },
        },
      },
    }),
  })),
  {
    title: 'a port in a security group',
    asks: (ids) => ({
      method: 'POST',
      url: '/network/v2.0/ports',
      body: { port: { network_id: own['networks'], security_groups: [ids['security-groups']] } },
    }),
  },
  {
    title: 'a rule of a security group',
    asks: (ids) => ({
      method: 'POST',
      url: '/network/v2.0/security-group-rules',
      body: { security_group_rule: { security_group_id: ids['security-groups'], direction: 'egress', protocol: 'tcp' } },
    }),
  },
  {
    title: 'a rule for the members of a security group',
    asks: (ids) => ({
      method: 'POST',
      url: '/network/v2.0/security-group-rules',
      body: {
        security_group_rule: {
          ...{ security_group_id: own['security-groups'], direction: 'ingress' },
          remote_group_id: ids['security-groups'],
        },
      },
    }),
  },
  {
    title: 'a server in a security group',
    asks: (ids) => ({
      method: 'POST',
      url: `/compute/v2.1/servers/${own['servers']}/action`,
      body: { addSecurityGroup: { name: ids['security-groups'] } },
    }),
  },
  {
    title: 'an address for a port of a subnet',
    asks: ({ subnets }) => ({
      method: 'PUT',
      url: `/network/v2.0/ports/${own['ports']}`,
      body: { port: { fixed_ips: [{ subnet_id: subnets }] } },
    }),
  },
  { title: 'an interface of a server', asks: ({ ports }) => ({ method: 'GET', url: `${ofOwnServer}/os-interface/${ports}` }) },
  {
    title: 'an action of a server',
    asks: (ids) => ({ method: 'GET', url: `${ofOwnServer}/os-instance-actions/${ids['os-instance-actions']}` }),
  },
  {
    title: 'an application credential',
    asks: (ids) => ({
      method: 'DELETE',
      url: `/identity/v3/users/${own['users']}/application_credentials/${ids['application_credentials']}`,
    }),
  },
  {
    title: 'a network for a project',
    asks: ({ projects }) => ({
      method: 'POST',
      url: '/network/v2.0/networks',
      body: { network: { name: 'n', project_id: projects } },
    }),
  },
  {
    title: 'an image for a project',
    asks: ({ projects }) => ({ method: 'POST', url: '/image/v2/images', body: { name: 'n', owner: projects } }),
  },
  {
    title: 'limits of a project',
    asks: ({ projects }) => ({ method: 'GET', url: `/compute/v2.1/limits?tenant_id=${projects}` }),
  },
  { title: 'key pairs of a user', asks: ({ users }) => ({ method: 'GET', url: `/compute/v2.1/os-keypairs?user_id=${users}` }) },
  {
    title: 'role assignments of a user',
    asks: ({ users }) => ({ method: 'GET', url: `/identity/v3/role_assignments?user.id=${users}` }),
  },
  {
    title: 'role assignments in a project',
    asks: ({ projects }) => ({ method: 'GET', url: `/identity/v3/role_assignments?scope.project.id=${projects}` }),
  },
];
for (const { title, asks } of trx) test(`${title} reveals nothing of another project`, async () => void (await compare(asks)));

test('a port for a device reveals nothing of another project', async () => {
  const put = (device_id: string) => ({
    method: 'PUT',
    url: `/network/v2.0/ports/${own['ports']}`,
    body: { port: { device_id } },
  });
  await compare(({ servers }) => put(servers ?? ''));
  await answer(put(''));
});

function serverWith(field: string, ids: Ids): object {
  const server = { name: 'x', imageRef: own['images'], flavorRef: 'f1', networks: [] };
  if (field === 'imageRef') return { ...server, imageRef: ids['images'] };
  if (field === 'flavorRef') return { ...server, flavorRef: ids['flavors'] };
  if (field === 'key_name') return { ...server, key_name: ids['os-keypairs'] };
  return { ...server, networks: [field === 'port' ? { port: ids['ports'] } : { uuid: ids['networks'] }] };
}

const lists = {
  servers: '/compute/v2.1/servers',
  flavors: '/compute/v2.1/flavors',
  'os-keypairs': '/compute/v2.1/os-keypairs',
  images: '/image/v2/images',
  networks: '/network/v2.0/networks',
  subnets: '/network/v2.0/subnets',
  ports: '/network/v2.0/ports',
};
for (const [noun, url] of Object.entries(lists)) {
  test(`${noun} after a marker reveal nothing of another project`, async () => {
    await compare((ids) => ({ method: 'GET', url: `${url}?limit=5&marker=${ids[noun]}` }));
  });
}

const filters: Readonly<Record<string, readonly [field: string, noun: string][]>> = {
  '/compute/v2.1/servers': [
    ['image', 'images'],
    ['flavor', 'flavors'],
    ['uuid', 'servers'],
    ['key_name', 'os-keypairs'],
    ['project_id', 'projects'],
    ['user_id', 'users'],
    ['ip', 'address'],
  ],
  '/image/v2/images': [
    ['id', 'images'],
    ['owner', 'projects'],
  ],
  '/network/v2.0/networks': [
    ['id', 'networks'],
    ['project_id', 'projects'],
  ],
  '/network/v2.0/subnets': [
    ['id', 'subnets'],
    ['network_id', 'networks'],
  ],
  '/network/v2.0/ports': [
    ['id', 'ports'],
    ['network_id', 'networks'],
    ['device_id', 'servers'],
    ['fixed_ips=ip_address', 'address'],
  ],
};
for (const [url, fields] of Object.entries(filters)) {
  test(`filters of ${url} reveal nothing of another project`, async () => {
    for (const [field, noun] of fields) {
      const value = (ids: Ids) => (noun === 'address' ? (ids === others ? '10.9.0.2' : '10.9.0.200') : ids[noun]);
      await compare((ids) => ({ method: 'GET', url: `${url}?${field}${field.includes('=') ? '%3D' : '='}${value(ids)}` }));
    }
  });
}

test('rejects sorting servers by host for a member', async () => {
  for (const key of ['host', 'node']) {
    const { status } = await answer({ method: 'GET', url: `/compute/v2.1/servers?sort_key=${key}` });
    assert.equal(status, 403);
  }
});
