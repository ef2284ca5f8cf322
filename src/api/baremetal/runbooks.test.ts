import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createPersonas, type PersonaName } from '#test/personas.ts';
import { openRackFixture } from '#test/rack-fixture.ts';
import { baremetalVersions } from './versions.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const personas = new Map((await createPersonas(fixture)).map((persona) => [persona.name, persona]));

type Answer = { status: number; body: Record<string, unknown>; headers: Record<string, unknown> };
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Options = { body?: object; version?: string; as?: PersonaName };

const newest = `1.${baremetalVersions.max.minor}`;

async function ask(method: Method, url: string, { body, version = newest, as = 'admin of the system' }: Options = {}) {
  const headers = { ...personas.get(as)?.headers, 'x-openstack-ironic-api-version': version };
  return (await fixture.ask({ method, url: `/baremetal/v1${url}`, headers, ...(body && { payload: body }) })) as Answer;
}

const step = { interface: 'bios', step: 'factory_reset', order: 1 };

async function aRunbook(name: string, options: Options = {}): Promise<Record<string, unknown>> {
  const body = { name, steps: [step], ...options.body };
  const reply = await ask('POST', '/runbooks', { ...options, body });
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return reply.body;
}

test('creates, shows, changes and deletes a runbook', async () => {
  const steps = [{ ...step, order: '2', args: { password: 'geheim' } }];
  const created = await ask('POST', '/runbooks', { body: { name: 'CUSTOM_RESET', steps, disable_ramdisk: true } });
  const uuid = created.body['uuid'];
  const patch = [{ op: 'replace', path: '/steps/0/order', value: 7 }];
  const changed = await ask('PATCH', '/runbooks/CUSTOM_RESET', { body: patch });
  const shown = await ask('GET', `/runbooks/${uuid}`);
  const kept = await fixture.store.runbooks.find({ name: 'CUSTOM_RESET' });
  const deleted = await ask('DELETE', `/runbooks/${uuid}`);
  const gone = await ask('GET', `/runbooks/${uuid}`);

  assert.equal(created.status, 201, JSON.stringify(created.body));
  assert.match(String(created.headers['location']), new RegExp(`/v1/runbooks/${uuid}$`));
  assert.deepEqual(created.body['steps'], [{ ...step, order: 2, args: { password: '******' } }]);
  assert.deepEqual([created.body['disable_ramdisk'], created.body['public'], created.body['owner']], [true, false, null]);
  assert.deepEqual(changed.body, shown.body);
  assert.deepEqual(kept?.steps, [{ ...step, order: 7, args: { password: 'geheim' } }]);
  assert.deepEqual([deleted.status, gone.status], [204, 404]);
});

test('a project has runbooks of its own, and sees public ones', async () => {
  const owner = 'manager of the project';
  const other = 'manager of the other project';
  const own = await aRunbook('CUSTOM_OWN', { as: owner });
  await aRunbook('CUSTOM_CLOUD');
  await aRunbook('CUSTOM_PUBLIC', { body: { public: true } });
  const names = async (as: PersonaName) =>
    ((await ask('GET', '/runbooks?sort_key=name', { as })).body['runbooks'] as { name: string }[]).map(({ name }) => name);
  const patch = [{ op: 'add', path: '/extra/a', value: 1 }];
  const statuses = async (as: PersonaName, name: string) => {
    const replies = [
      await ask('GET', `/runbooks/${name}`, { as }),
      await ask('PATCH', `/runbooks/${name}`, { as, body: patch }),
      await ask('DELETE', `/runbooks/${name}`, { as }),
    ];
    return replies.map(({ status }) => status);
  };

  assert.equal(own['owner'], personas.get(owner)?.project_id);
  assert.deepEqual(await names(owner), ['CUSTOM_OWN', 'CUSTOM_PUBLIC']);
  assert.deepEqual(await names(other), ['CUSTOM_PUBLIC']);
  assert.deepEqual(await names('reader of the system'), ['CUSTOM_CLOUD', 'CUSTOM_OWN', 'CUSTOM_PUBLIC']);
  assert.deepEqual(await statuses(other, 'CUSTOM_OWN'), [404, 404, 404]);
  assert.deepEqual(await statuses(other, 'CUSTOM_PUBLIC'), [200, 403, 403]);
  assert.deepEqual(await statuses('member of the project', 'CUSTOM_OWN'), [200, 403, 403]);
  assert.deepEqual(await statuses(owner, 'CUSTOM_OWN'), [200, 200, 204]);
});

test('a project neither publishes its runbooks nor gives them away', async () => {
  const as = 'manager of the project';
  await aRunbook('CUSTOM_KEPT', { as });
  const status = async (method: Method, url: string, body: object) => (await ask(method, url, { as, body })).status;
  const patched = (path: string, value: unknown) =>
    status('PATCH', '/runbooks/CUSTOM_KEPT', [{ op: 'replace', path, value }] as unknown as object);

  assert.equal(await status('POST', '/runbooks', { name: 'CUSTOM_P', steps: [step], public: true }), 400);
  assert.equal(await status('POST', '/runbooks', { name: 'CUSTOM_P', steps: [step], owner: 'another' }), 400);
  assert.equal(await patched('/public', true), 403);
  assert.equal(await patched('/owner', 'another'), 403);
  const copy = [{ op: 'copy', from: '/steps/0', path: '/extra/shown' }] as unknown as object;
  assert.equal(await status('PATCH', '/runbooks/CUSTOM_KEPT', copy), 400);
  const moved = [{ op: 'move', from: '/owner', path: '/extra/owner' }] as unknown as object;
  assert.equal(await status('PATCH', '/runbooks/CUSTOM_KEPT', moved), 403);
});

test('a public runbook has no owner', async () => {
  await aRunbook('CUSTOM_SHARED', { body: { owner: 'someone' } });
  const patched = async (...operations: object[]) => ask('PATCH', '/runbooks/CUSTOM_SHARED', { body: operations });
  const set = (path: string, value: unknown) => ({ op: 'replace', path, value });

  const published = await patched(set('/public', true));
  const owned = await patched(set('/owner', 'someone'));
  const withdrawn = await patched(set('/public', false), set('/owner', 'someone'));

  assert.deepEqual([published.body['public'], published.body['owner']], [true, null]);
  assert.equal(owned.status, 400);
  assert.match(JSON.stringify(owned.body), /There cannot be an owner for a public runbook/);
  assert.deepEqual([withdrawn.body['public'], withdrawn.body['owner']], [false, 'someone']);
});

test('has no runbooks before 1.92, and until 1.111 their names are traits', async () => {
  const { status } = await ask('GET', '/runbooks', { version: '1.91' });
  const body = { name: 'reset', steps: [step] };
  const odd = await ask('POST', '/runbooks', { body, version: '1.109' });

  assert.deepEqual([status, odd.status], [404, 400]);
});

test('a runbook has traits and a description from 1.112 on', async () => {
  const body = { name: 'reset', steps: [step], description: 'of the BIOS' };
  const created = await ask('POST', '/runbooks', { body });
  const traits = async () => (await ask('GET', '/runbooks/reset/traits')).body['traits'];
  const replaced = await ask('PUT', '/runbooks/reset/traits', { body: { traits: ['CUSTOM_B', 'CUSTOM_A', 'CUSTOM_B'] } });
  const both = await traits();
  const added = await ask('PUT', '/runbooks/reset/traits/CUSTOM_C');
  const removed = await ask('DELETE', '/runbooks/reset/traits/CUSTOM_A');
  const unknown = await ask('DELETE', '/runbooks/reset/traits/CUSTOM_Z');
  const rest = await traits();
  const many = await ask('PUT', '/runbooks/reset/traits', {
    body: { traits: Array.from({ length: 51 }, (_, index) => `CUSTOM_T${index}`) },
  });
  const older = await ask('GET', '/runbooks/reset', { version: '1.111' });
  const patch = [{ op: 'remove', path: '/description' }];
  const changed = await ask('PATCH', '/runbooks/reset', { body: patch });
  const cleared = await ask('DELETE', '/runbooks/reset/traits');

  assert.deepEqual([created.body['description'], created.body['traits']], ['of the BIOS', []]);
  assert.deepEqual([replaced.status, both], [204, ['CUSTOM_A', 'CUSTOM_B']]);
  assert.match(String(added.headers['location']), /runbooks\/reset\/traits\/CUSTOM_C$/);
  assert.deepEqual([added.status, removed.status, unknown.status, rest], [204, 204, 204, ['CUSTOM_B', 'CUSTOM_C']]);
  assert.equal(many.status, 400);
  assert.deepEqual(['description' in older.body, 'traits' in older.body], [false, false]);
  assert.deepEqual([changed.body['description'], cleared.status, await traits()], [null, 204, []]);
});
