/** Referee test: the unmodified `openstack` client with deploy templates, and openstacksdk with runbooks and inspection rules. */
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

/** The SDK of Debian 12 has no calls for these. */
const program = `
def ask(method, path, under='/runbooks', microversion='1.112', **options):
    reply = cloud.baremetal.request(under + path, method, microversion=microversion, **options)
    return reply.json() if reply.content else reply.status_code
def rules(method, path, **options):
    return ask(method, path, '/inspection_rules', '1.96', **options)
steps = [{'interface': 'bios', 'step': 'factory_reset', 'args': {}, 'order': 1}]
made = ask('POST', '', json={'name': 'CUSTOM_RESET', 'steps': steps})
patch = [{'op': 'replace', 'path': '/public', 'value': True}]
traits = [ask('PUT', '/CUSTOM_RESET/traits/CUSTOM_BIOS'), ask('GET', '/CUSTOM_RESET/traits')]
runbooks = [made, ask('PATCH', '/CUSTOM_RESET', json=patch), ask('GET', ''), ask('DELETE', '/' + made['uuid'])]
rule = rules('POST', '', json={'actions': [{'op': 'fail', 'args': {'msg': 'no'}}], 'sensitive': True})
rest = [rules('GET', ''), rules('DELETE', '/' + rule['uuid'])]
print(json.dumps([*runbooks, traits, rule, *rest]))
`;

test('runbooks and inspection rules are created, changed, listed and deleted', { skip }, async () => {
  const replies = await runWithSdk(ingot.env, program);

  const [made, published, { runbooks }, deleted, traits, rule, { inspection_rules: rules }, removed] = replies as [
    ...[Row, Row, { runbooks: Row[] }, number, unknown[]],
    ...[Row, { inspection_rules: Row[] }, number],
  ];
  assert.deepEqual([made['name'], made['public'], published['public'], deleted], ['CUSTOM_RESET', false, true, 204]);
  assert.deepEqual(traits, [204, { traits: ['CUSTOM_BIOS'] }]);
  assert.deepEqual([rule['phase'], rule['actions'], removed], ['main', null, 204]);
  for (const [listed, one] of [
    [runbooks, made],
    [rules, rule],
  ] as const)
    assert.deepEqual(
      listed.map(({ uuid }) => uuid),
      [one['uuid']],
    );
});
