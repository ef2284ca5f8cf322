import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const token = await fixture.logIn('admin', 'correct horse');

type Answer = { status: number; body: Record<string, unknown>; headers: Record<string, unknown> };
type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

async function ask(method: Method, url: string, { body, version = '1.109' }: { body?: object; version?: string } = {}) {
  const headers = { 'x-auth-token': token, 'x-openstack-ironic-api-version': version };
  return (await fixture.ask({ method, url: `/baremetal/v1${url}`, headers, ...(body && { payload: body }) })) as Answer;
}

const step = { interface: 'bios', step: 'apply_configuration', args: {}, priority: 110 };

test('creates, shows, changes and deletes a deploy template', async () => {
  const steps = [{ ...step, args: { AdminPassword: 'geheim' } }];
  const created = await ask('POST', '/deploy_templates', { body: { name: 'CUSTOM_ONE', steps, extra: { a: 1 } } });
  const patch = [{ op: 'replace', path: '/steps/0/priority', value: '5' }];
  const changed = await ask('PATCH', '/deploy_templates/CUSTOM_ONE', { body: patch });
  const shown = await ask('GET', `/deploy_templates/${created.body['uuid']}`);
  const kept = await fixture.store.deploy_templates.find({ name: 'CUSTOM_ONE' });
  const deleted = await ask('DELETE', '/deploy_templates/CUSTOM_ONE');
  const gone = await ask('GET', '/deploy_templates/CUSTOM_ONE');

  assert.equal(created.status, 201, JSON.stringify(created.body));
  assert.match(String(created.headers['location']), new RegExp(`/v1/deploy_templates/${created.body['uuid']}$`));
  assert.deepEqual(created.body['steps'], [{ ...step, args: { AdminPassword: '******' } }]);
  assert.deepEqual(changed.body, shown.body);
  assert.deepEqual(shown.body['steps'], [{ ...step, priority: 5, args: { AdminPassword: '******' } }]);
  assert.deepEqual(kept?.steps, [{ ...step, priority: 5, args: { AdminPassword: 'geheim' } }]);
  assert.deepEqual([deleted.status, gone.status], [204, 404]);
});

test('keeps a secret of a step for which a client sends the asterisks back', async () => {
  await ask('POST', '/deploy_templates', { body: { name: 'CUSTOM_SECRET', steps: [{ ...step, args: { password: 'geheim' } }] } });
  const shown = await ask('GET', '/deploy_templates/CUSTOM_SECRET');
  const patch = [{ op: 'replace', path: '/steps', value: shown.body['steps'] }];

  const changed = await ask('PATCH', '/deploy_templates/CUSTOM_SECRET', { body: patch });

  const kept = await fixture.store.deploy_templates.find({ name: 'CUSTOM_SECRET' });
  assert.equal(changed.status, 200);
  assert.deepEqual(kept?.steps[0]?.args, { password: 'geheim' });
  const copy = [{ op: 'copy', from: '/steps/0/args/password', path: '/extra/shown' }];
  assert.equal((await ask('PATCH', '/deploy_templates/CUSTOM_SECRET', { body: copy })).status, 400);
  await ask('DELETE', '/deploy_templates/CUSTOM_SECRET');
});

test('refuses names that are no traits or are taken, steps that occur twice, and changes of other fields', async () => {
  const steps = [step];
  await ask('POST', '/deploy_templates', { body: { name: 'CUSTOM_TAKEN', steps } });
  const refused = async (body: object) => {
    const reply = await ask('POST', '/deploy_templates', { body });
    return [reply.status, JSON.stringify(reply.body)] as const;
  };

  const [oddStatus] = await refused({ name: 'fast', steps });
  const [takenStatus, taken] = await refused({ name: 'CUSTOM_TAKEN', steps });
  const [twiceStatus, twice] = await refused({ name: 'CUSTOM_TWICE', steps: [step, { ...step, priority: 1 }] });
  const patch = [{ op: 'replace', path: '/uuid', value: 'x' }];
  const fixed = await ask('PATCH', '/deploy_templates/CUSTOM_TAKEN', { body: patch });

  assert.deepEqual([oddStatus, takenStatus, twiceStatus, fixed.status], [400, 409, 400, 400]);
  assert.match(taken, /A deploy template with name CUSTOM_TAKEN already exists/);
  assert.match(twice, /Duplicate deploy steps.*interface: bios, step: apply_configuration/);
  assert.match(JSON.stringify(fixed.body), /Cannot patch \/uuid. Only the following can be updated/);
  await ask('DELETE', '/deploy_templates/CUSTOM_TAKEN');
});

test('lists deploy templates page by page, briefly or in detail', async () => {
  for (const name of ['CUSTOM_A', 'CUSTOM_B']) await ask('POST', '/deploy_templates', { body: { name, steps: [step] } });
  const listed = async (query: string) =>
    (await ask('GET', `/deploy_templates?sort_key=name&${query}`)).body as {
      deploy_templates: Record<string, unknown>[];
      next?: string;
    };

  const brief = await listed('');
  const detailed = await listed('detail=true');
  const first = await listed('limit=1');
  const second = await listed(`limit=1&marker=${first.deploy_templates[0]?.['uuid']}`);

  assert.deepEqual(
    brief.deploy_templates.map((each) => Object.keys(each)),
    [1, 2].map(() => ['uuid', 'name', 'links']),
  );
  assert.deepEqual(detailed.deploy_templates[0]?.['steps'], [step]);
  assert.match(String(first.next), /marker=/);
  assert.deepEqual([second.deploy_templates[0]?.['name'], second.next], ['CUSTOM_B', undefined]);
});

test('has no deploy templates before 1.55', async () => {
  const { status } = await ask('GET', '/deploy_templates', { version: '1.54' });

  assert.equal(status, 404);
});
