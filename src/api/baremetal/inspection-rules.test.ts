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

const condition = { op: 'eq', args: { values: ['{inventory[cpu][count]}', '4'] } };
const action = { op: 'set-attribute', args: { path: 'driver_info/ipmi_password', value: 'geheim' } };

async function aRule(fields: object = {}): Promise<string> {
  const { status, body } = await ask('POST', '/inspection_rules', {
    body: { conditions: [condition], actions: [action], ...fields },
  });
  assert.equal(status, 201, JSON.stringify(body));
  return `/inspection_rules/${body['uuid']}`;
}

test('creates, lists, changes and deletes an inspection rule', async () => {
  const created = await ask('POST', '/inspection_rules', { body: { actions: [action], conditions: [condition], priority: 5 } });
  const path = `/inspection_rules/${created.body['uuid']}`;
  const patch = [{ op: 'replace', path: '/priority', value: 7 }];
  const changed = await ask('PATCH', path, { body: patch });
  const shown = await ask('GET', path);
  const brief = await ask('GET', '/inspection_rules?phase=main');
  const none = await ask('GET', '/inspection_rules?phase=early');
  const deleted = await ask('DELETE', path);
  const gone = await ask('GET', path);

  assert.match(String(created.headers['location']), new RegExp(`/v1${path}$`));
  assert.deepEqual([created.body['conditions'], created.body['actions']], [[condition], [action]]);
  assert.deepEqual(changed.body, shown.body);
  const [listed] = brief.body['inspection_rules'] as Record<string, unknown>[];
  assert.deepEqual(Object.keys(listed ?? {}), ['uuid', 'description', 'priority', 'phase', 'links']);
  assert.deepEqual(none.body['inspection_rules'], []);
  assert.deepEqual([deleted.status, gone.status], [204, 404]);
});

test('nothing shows the conditions and actions of a sensitive rule', async () => {
  const path = await aRule({ sensitive: true });
  const patched = async (...operations: object[]) => ask('PATCH', path, { body: operations });

  const shown = await ask('GET', path);
  const listed = await ask('GET', '/inspection_rules?detail=true');
  const refused = [
    await patched({ op: 'replace', path: '/sensitive', value: false }),
    await patched({ op: 'remove', path: '/sensitive' }),
    await patched({ op: 'copy', from: '/actions/0/args/value', path: '/description' }),
    await patched({ op: 'test', path: '/actions/0/args/value', value: 'geheim' }),
  ];
  const changed = await patched({ op: 'replace', path: '/description', value: 'seen' });

  for (const { body } of [shown, listed, changed]) assert.doesNotMatch(JSON.stringify(body), /geheim/);
  assert.deepEqual([shown.body['conditions'], shown.body['actions'], changed.status], [null, null, 200]);
  assert.deepEqual(
    refused.map(({ status }) => status),
    [400, 400, 400, 400],
  );
  assert.match(JSON.stringify(refused[0]?.body), /Inspection rules cannot have the sensitive flag unset/);
});

test('refuses rules that could never be applied', async () => {
  const refusals: [number, RegExp, object][] = [
    [400, /missing required argument\(s\): values/, { conditions: [{ op: 'eq', args: {} }] }],
    [400, /unexpected argument\(s\): color/, { conditions: [{ op: 'eq', args: { values: [], color: 1 } }] }],
    [400, /invalid regular expression/, { conditions: [{ op: 'matches', args: { value: 'a', regex: '(?=a)' } }] }],
    [400, /Invalid phase: early. Valid phases are: main/, { phase: 'early' }],
    [400, /Priority must be between 0 and 9999/, { priority: 10_000 }],
    [400, /Not enough arguments provided. Missing: value/, { actions: [{ op: 'set-attribute', args: ['a'] }] }],
    [400, /op/, { conditions: [{ op: 'like', args: {} }] }],
    [501, /api-call/, { actions: [{ op: 'api-call', args: { url: 'http://localhost/' } }] }],
  ];

  for (const [status, words, fields] of refusals) {
    const reply = await ask('POST', '/inspection_rules', { body: { actions: [action], ...fields } });
    assert.equal(reply.status, status, JSON.stringify(reply.body));
    assert.match(JSON.stringify(reply.body), words);
  }
});

test('has no inspection rules before 1.96', async () => {
  const { status } = await ask('GET', '/inspection_rules', { version: '1.95' });

  assert.equal(status, 404);
});
