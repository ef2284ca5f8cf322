/** JSON Patch (RFC 6902) of each resource that has it, in the free-form field that all have. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openRackFixture } from '#test/rack-fixture.ts';

const fixture = await openRackFixture();
after(() => fixture.close());
const token = await fixture.logIn('admin', 'correct horse');

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

async function ask(method: Method, url: string, body?: object) {
  const headers = { 'x-auth-token': token, 'x-openstack-ironic-api-version': '1.109' };
  return fixture.ask({ method, url: `/baremetal/v1${url}`, headers, ...(body && { payload: body }) });
}

async function make(path: string, fields: object): Promise<string> {
  const { status, body } = await ask('POST', path, fields);
  assert.equal(status, 201, JSON.stringify(body));
  return body.uuid as string;
}

const node = await make('/nodes', { driver: 'fake-hardware' });
// Volumes change while the node is off.
await fixture.store.nodes.update({ uuid: node }, { power_state: 'power off' });
const step = { interface: 'bios', step: 'apply_configuration', args: {}, priority: 10 };

/** Fields of a new record, and a member of the record that no patch may change. */
const resources: readonly [path: string, fields: object, fixed: string][] = [
  ['/nodes', { driver: 'fake-hardware' }, 'uuid'],
  ['/ports', { node_uuid: node, address: '52:54:00:00:00:01' }, 'uuid'],
  ['/portgroups', { node_uuid: node }, 'uuid'],
  ['/chassis', {}, 'uuid'],
  ['/volume/connectors', { node_uuid: node, type: 'iqn', connector_id: 'iqn.a' }, 'uuid'],
  ['/volume/targets', { node_uuid: node, volume_type: 'iscsi', volume_id: 'v', boot_index: 0 }, 'uuid'],
  ['/deploy_templates', { name: 'CUSTOM_A', steps: [step] }, 'uuid'],
  ['/runbooks', { name: 'CUSTOM_A', steps: [{ ...step, order: 1, priority: undefined }] }, 'uuid'],
  ['/allocations', { resource_class: 'none' }, 'state'],
];

const at = (key: string, more: object) => ({ path: `/extra/${key}`, ...more });
const list = { list: [1, 2], 'a/b': 1, 'm~n': 2 };
/** Patches of `extra` in this order, each on what the former left; undefined = refused, and nothing changes. */
const patches: readonly [what: string, patch: object[], extra: object | undefined][] = [
  ['add a member', [at('list', { op: 'add', value: [1, 2] }), at('a~1b', { op: 'add', value: 1 })], { list: [1, 2], 'a/b': 1 }],
  ['add an escaped tilde', [at('m~0n', { op: 'add', value: 2 })], list],
  ['append, insert and remove items', appendAndRemove(), list],
  ['replace an item', [at('list/1', { op: 'replace', value: 3 })], { ...list, list: [1, 3] }],
  ['test, then replace', [at('list/1', { op: 'test', value: 3 }), at('list/1', { op: 'replace', value: 2 })], list],
  ['another value than tested', [at('list/1', { op: 'test', value: 9 }), at('list/1', { op: 'replace', value: 5 })], undefined],
  ['copy', [at('copied', { op: 'copy', from: '/extra/list' })], { ...list, copied: [1, 2] }],
  ['move', [at('moved', { op: 'move', from: '/extra/copied' })], { ...list, moved: [1, 2] }],
  ['move into itself', [at('moved/0', { op: 'move', from: '/extra/moved' })], undefined],
  ['remove', [at('moved', { op: 'remove' })], list],
  ['remove what is not there', [at('moved', { op: 'remove' })], undefined],
  ['replace what is not there', [at('moved', { op: 'replace', value: 1 })], undefined],
  ['add below what is not there', [at('no/where', { op: 'add', value: 1 })], undefined],
  ['insert behind the end', [at('list/3', { op: 'add', value: 1 })], undefined],
  ['an index with a leading zero', [at('list/01', { op: 'add', value: 1 })], undefined],
  ['a bad escape', [at('a~2b', { op: 'add', value: 1 })], undefined],
  ['another operation', [at('a', { op: 'merge', value: 1 })], undefined],
  ['no value', [at('a', { op: 'add' })], undefined],
  ['no list of operations', { op: 'add', path: '/extra/a', value: 1 } as unknown as object[], undefined],
  ['a field that is none', [{ op: 'add', path: '/color', value: 'red' }], undefined],
  ['all, where the last fails', [at('a', { op: 'add', value: 1 }), at('b', { op: 'remove' })], undefined],
  ['too many operations', Array.from({ length: 1001 }, () => at('a', { op: 'add', value: 1 })), undefined],
  ['too deep a value', [at('deep', { op: 'add', value: deep(200) })], undefined],
];

function appendAndRemove(): object[] {
  const [append, insert] = [at('list/-', { op: 'add', value: 4 }), at('list/0', { op: 'add', value: 0 })];
  return [append, insert, at('list/0', { op: 'remove' }), at('list/2', { op: 'remove' })];
}

function deep(levels: number): object {
  return Array.from({ length: levels }).reduce<object>((inner) => ({ a: inner }), {});
}

for (const [path, fields, fixed] of resources)
  test(`PATCH of ${path} follows RFC 6902`, async () => {
    const url = `${path}/${await make(path, fields)}`;
    const extraNow = async () => (await ask('GET', url)).body.extra as object;

    for (const [what, patch, extra] of patches) {
      const before = await extraNow();
      const { status, body } = await ask('PATCH', url, patch);
      const statuses = extra === undefined ? [400, 413] : [200];
      assert.ok(statuses.includes(status), `${what}: ${status} ${JSON.stringify(body)}`);
      assert.deepEqual(await extraNow(), extra ?? before, what);
    }
    for (const op of ['remove', 'replace', 'add'])
      assert.equal((await ask('PATCH', url, [{ op, path: `/${fixed}`, value: 'x' }])).status, 400, `${op} ${fixed}`);
  });
