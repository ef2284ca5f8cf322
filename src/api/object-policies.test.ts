/** Who may list, show, change and delete whose networks, subnets, ports and images: each object as each caller. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import { createPersonas, type Persona } from '#test/personas.ts';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture({
  images: (store, stateDir) => createImageFiles({ store, directory: join(stateDir, 'images'), log: pino({ level: 'silent' }) }),
});
after(() => fixture.close());
const personas = await createPersonas(fixture);
const owner = personas.find(({ name }) => name === 'member of the project')?.project_id ?? '';

for (const resource of ['network', 'subnet', 'port', 'router'])
  await fixture.store.network_quotas.insert({ project_id: owner, resource, most: -1 });

const patchType = 'application/openstack-images-v2.1-json-patch';
const services = {
  network: '/network/v2.0/networks',
  subnet: '/network/v2.0/subnets',
  port: '/network/v2.0/ports',
  router: '/network/v2.0/routers',
  subnetpool: '/network/v2.0/subnetpools',
  policy: '/network/v2.0/qos/policies',
  image: '/image/v2/images',
} as const;
type Noun = keyof typeof services;

let made = 0;
/** Of the project, created by the administrator of the settings. @returns the id */
async function make(noun: Noun, fields: object): Promise<string> {
  const given = noun === 'image' ? { owner, ...fields } : { [noun]: { project_id: owner, ...fields } };
  const { status, body } = await fixture.ask({ method: 'POST', url: services[noun], payload: given });
  assert.equal(status, 201, JSON.stringify(body));
  return noun === 'image' ? body.id : body[noun].id;
}

async function makeSubnet(network_id: string): Promise<string> {
  made += 1;
  return make('subnet', { network_id, ip_version: 4, cidr: `10.77.${made}.0/24` });
}

const makePort = (network_id: string) => make('port', { network_id });
const makePool = (fields: object) => make('subnetpool', { name: 'pool', prefixes: ['10.78.0.0/16'], ...fields });
const makeQosPolicy = (shared: boolean) => make('policy', { shared });
const makeImage = (visibility: string) => make('image', { disk_format: 'raw', container_format: 'bare', visibility });

type Statuses = readonly [reader: number, member: number, manager: number, admin: number];
type Rights = {
  readonly noun: Noun;
  readonly make: () => Promise<string>;
  /** Of the roles in the project of the object, and in another one. */
  readonly shown: readonly [Statuses, Statuses];
  readonly changed: readonly [Statuses, Statuses];
  readonly deleted: readonly [Statuses, Statuses];
};

const everyone: Statuses = [200, 200, 200, 200];
/** What a caller may not see does not exist for it. */
const unseen: Statuses = [404, 404, 404, 200];
const changeOwn: Statuses = [403, 200, 200, 200];
const changeSeen: Statuses = [403, 403, 403, 200];
const deleteOwn: Statuses = [403, 204, 204, 204];
const hidden = {
  shown: [everyone, unseen],
  // A reader may change nothing, and is denied before the object is looked up.
  changed: [changeOwn, [403, 404, 404, 200]],
  deleted: [deleteOwn, [403, 404, 404, 204]],
} as const;
const visible = {
  shown: [everyone, everyone],
  changed: [changeOwn, changeSeen],
  deleted: [deleteOwn, [403, 403, 403, 204]],
} as const;

/** Those that managers of the project change, and members only use. */
const hiddenOfManagers = {
  shown: [everyone, unseen],
  changed: [
    [403, 403, 200, 200],
    [403, 403, 404, 200],
  ],
  deleted: [
    [403, 403, 204, 204],
    [403, 403, 404, 204],
  ],
} as const;
const visibleOfManagers = {
  shown: [everyone, everyone],
  changed: [[403, 403, 200, 200], changeSeen],
  deleted: [
    [403, 403, 204, 204],
    [403, 403, 403, 204],
  ],
} as const;

const objects: Readonly<Record<string, Rights>> = {
  'a network': { noun: 'network', make: () => make('network', {}), ...hidden },
  'a shared network': { noun: 'network', make: () => make('network', { shared: true }), ...visible },
  'a subnet': { noun: 'subnet', make: async () => makeSubnet(await make('network', {})), ...hidden },
  'a subnet of a shared network': {
    noun: 'subnet',
    make: async () => makeSubnet(await make('network', { shared: true })),
    ...visible,
  },
  'a port': { noun: 'port', make: async () => makePort(await make('network', {})), ...hidden },
  'a port on a shared network': { noun: 'port', make: async () => makePort(await make('network', { shared: true })), ...hidden },
  'a router': { noun: 'router', make: () => make('router', {}), ...hidden },
  'a subnet pool': { noun: 'subnetpool', make: () => makePool({}), ...hidden },
  'a shared subnet pool': { noun: 'subnetpool', make: () => makePool({ shared: true }), ...visible },
  'a QoS policy': { noun: 'policy', make: () => makeQosPolicy(false), ...hiddenOfManagers },
  'a shared QoS policy': { noun: 'policy', make: () => makeQosPolicy(true), ...visibleOfManagers },
  'a private image': { noun: 'image', make: () => makeImage('private'), ...hidden },
  'a shared image': { noun: 'image', make: () => makeImage('shared'), ...hidden },
  'a community image': { noun: 'image', make: () => makeImage('community'), ...visible },
  'a public image': { noun: 'image', make: () => makeImage('public'), ...visible },
};

const roles = ['reader', 'member', 'manager', 'admin'];

/**
 * Tokens of a domain or of the system are for other services; without a scope, a token is for none.
 * @param reads what a service sees of networks: what readers of its project see, where Neutron's rule names `service_api`;
 *   else what other projects see
 */
function expected({ name }: Persona, [own, other]: readonly [Statuses, Statuses], reads?: 'own' | 'shared'): number {
  if (name === 'nobody') return 401;
  const [given = '', place] = name.split(' of the ');
  const role = reads && given === 'service' ? 'reader' : given;
  const status = { project: role === given || reads === 'own' ? own : other, 'other project': other }[place ?? '']?.[
    roles.indexOf(role)
  ];
  return status ?? (name === 'unscoped' ? 401 : 403);
}

function change(noun: Noun) {
  if (noun === 'image')
    return { method: 'PATCH', payload: [{ op: 'replace', path: '/name', value: 'new' }], type: patchType } as const;
  return { method: 'PUT', payload: { [noun]: { name: 'new' } }, type: 'application/json' } as const;
}

async function statusesOf(ask: (persona: Persona) => Promise<number>): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const persona of personas) found[persona.name] = await ask(persona);
  return found;
}

const table = (rights: readonly [Statuses, Statuses], reads?: 'own' | 'shared') =>
  Object.fromEntries(personas.map((persona) => [persona.name, expected(persona, rights, reads)]));

for (const [name, { noun, make: create, shown, changed, deleted }] of Object.entries(objects)) {
  test(`${name} is listed and shown to those who may see it`, async () => {
    const id = await create();
    const url = services[noun];
    const get = async ({ headers }: Persona) => (await fixture.ask({ url: `${url}/${id}`, headers })).status;
    /** As the status of showing it: a list without it is that of something that does not exist. */
    const list = async ({ headers }: Persona) => {
      const { status, body } = await fixture.ask({ url: `${url}?id=${id}${noun === 'image' ? '&visibility=all' : ''}`, headers });
      if (status !== 200) return status;
      const ids = body[noun === 'policy' ? 'policies' : `${noun}s`].map((each: { id: string }) => each.id);
      return ids.includes(id) ? 200 : 404;
    };
    const reads = noun === 'network' || noun === 'subnet' ? 'own' : 'shared';

    const wanted = table(shown, noun === 'image' ? undefined : reads);
    assert.deepEqual(await statusesOf(get), wanted);
    assert.deepEqual(await statusesOf(list), wanted);
  });

  test(`${name} is changed and deleted by those who may`, async () => {
    const id = await create();
    const url = services[noun];
    const { method, payload, type } = change(noun);
    const put = async ({ headers }: Persona) =>
      (
        await fixture.ask({
          ...{ method, url: `${url}/${id}`, headers: { ...headers, 'content-type': type } },
          payload: JSON.stringify(payload),
        })
      ).status;
    const remove = async ({ headers }: Persona) => {
      const fresh = await create();
      const { status } = await fixture.ask({ method: 'DELETE', url: `${url}/${fresh}`, headers });
      const { status: left } = await fixture.ask({ url: `${url}/${fresh}` });
      assert.equal(left, status === 204 ? 404 : 200, `${status}`);
      return status;
    };

    assert.deepEqual(await statusesOf(put), table(changed));
    assert.deepEqual(await statusesOf(remove), table(deleted));
  });
}
