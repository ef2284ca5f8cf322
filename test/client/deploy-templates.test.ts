/** Referee test: the unmodified `openstack` client with deploy templates, and openstacksdk with runbooks. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runWithSdk } from './a-copied-client.ts';
import { openstack, openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;

const ingot = aSharedIngot();
const steps = JSON.stringify([{ interface: 'bios', step: 'factory_reset', args: {}, priority: 110 }]);
const other = JSON.stringify([{ interface: 'raid', step: 'apply_configuration', args: { a: 1 }, priority: 5 }]);

test('deploy templates are created, listed, changed, shown and deleted', { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-steps-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [first, second] = [join(folder, 'first.json'), join(folder, 'second.json')];
  await writeFile(first, steps);
  await writeFile(second, other);
  const { replies } = await openstackSession(ingot.env, [
    `baremetal deploy template create --steps ${first} --extra a=1 CUSTOM_FIRST -f json`,
    'baremetal deploy template list -f json',
    `baremetal deploy template set --name CUSTOM_SECOND --steps ${second} CUSTOM_FIRST`,
    'baremetal deploy template unset --extra a CUSTOM_SECOND',
    'baremetal deploy template show CUSTOM_SECOND -f json',
    'baremetal deploy template list --long -f json',
    'baremetal deploy template delete CUSTOM_SECOND',
  ]);
  const [created, list, shown, long] = replies as [Row, Row[], Row, Row[]];

  assert.deepEqual([created['name'], created['extra'], created['steps']], ['CUSTOM_FIRST', { a: 1 }, JSON.parse(steps)]);
  assert.deepEqual(list, [{ UUID: created['uuid'], Name: 'CUSTOM_FIRST' }]);
  assert.deepEqual([shown['uuid'], shown['extra'], shown['steps']], [created['uuid'], {}, JSON.parse(other)]);
  assert.deepEqual(long[0]?.['Name'], 'CUSTOM_SECOND');
  const gone = openstack(ingot.env, ['baremetal', 'deploy', 'template', 'show', 'CUSTOM_SECOND']);
  await assert.rejects(gone, /Deploy template CUSTOM_SECOND could not be found/);
  const odd = openstack(ingot.env, ['baremetal', 'deploy', 'template', 'create', '--steps', steps, 'fast']);
  await assert.rejects(odd, /name/);
});

/** The SDK of Debian 12 has no calls for runbooks. */
const program = `
def ask(method, path, **options):
    reply = cloud.baremetal.request('/runbooks' + path, method, microversion='1.92', **options)
    return reply.json() if reply.content else reply.status_code
steps = [{'interface': 'bios', 'step': 'factory_reset', 'args': {}, 'order': 1}]
made = ask('POST', '', json={'name': 'CUSTOM_RESET', 'steps': steps})
patch = [{'op': 'replace', 'path': '/public', 'value': True}]
print(json.dumps([made, ask('PATCH', '/CUSTOM_RESET', json=patch), ask('GET', ''), ask('DELETE', '/' + made['uuid'])]))
`;

test('runbooks are created, published, listed and deleted', { skip }, async () => {
  const replies = await runWithSdk(ingot.env, program);

  const [made, published, { runbooks }, deleted] = replies as [Row, Row, { runbooks: Row[] }, number];
  assert.deepEqual([made['name'], made['public'], published['public'], deleted], ['CUSTOM_RESET', false, true, 204]);
  assert.deepEqual(
    runbooks.map(({ uuid }) => uuid),
    [made['uuid']],
  );
});
