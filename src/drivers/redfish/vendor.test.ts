import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { collectionOf, startRedfishTree } from '#test/a-redfish-tree.ts';
import { createRedfishVendor } from './vendor.ts';

const subscriptions = '/redfish/v1/EventService/Subscriptions';
const event = {
  '/redfish/v1/EventService': { Subscriptions: { '@odata.id': subscriptions } },
  [subscriptions]: collectionOf([`${subscriptions}/1`]),
  [`${subscriptions}/1`]: {
    '@odata.id': `${subscriptions}/1`,
    Id: '1',
    Destination: 'https://192.0.2.9/events',
    Protocol: 'Redfish',
    Context: 'ingot',
    EventTypes: ['Alert'],
    HttpHeaders: [{ Authorization: 'Basic c2VjcmV0' }],
  },
};

function codeOf(code: string) {
  return (error: unknown) => error instanceof Fault && error.code === code;
}

test('reads any path only if so configured', async (t) => {
  const { node, withSystem, reads } = await startRedfishTree(t, {});
  const closed = createRedfishVendor({ withSystem, rawPaths: 'none' }).methods['get'];
  await assert.rejects(async () => await closed?.run(node, { path: '/redfish/v1' }), codeOf('forbidden'));
  assert.deepEqual(reads, []);
});

test('reads only below /redfish/v1, without secrets', async (t) => {
  const path = '/redfish/v1/Managers/1/SNMP';
  const { node, withSystem, reads } = await startRedfishTree(t, {
    [path]: {
      Name: 'SNMP',
      CommunityStrings: ['public'],
      Password: null,
      Users: [{ UserName: 'a', AuthenticationKey: 'k', Enabled: true }],
    },
  });
  const { get } = createRedfishVendor({ withSystem, rawPaths: 'read' }).methods;

  assert.deepEqual(await get?.run(node, { path }), {
    Name: 'SNMP',
    CommunityStrings: '***',
    Password: null,
    Users: [{ UserName: 'a', AuthenticationKey: '***', Enabled: true }],
  });

  const before = reads.length;
  for (const wrong of [
    '/restapi',
    '/redfish/v1/../../etc',
    'redfish/v1',
    '/redfish/v1?a=b',
    '//evil/redfish/v1',
    '/redfish/v1/..',
    '/redfish/v1/./x',
  ]) {
    await assert.rejects(async () => await get?.run(node, { path: wrong }), codeOf('badRequest'), wrong);
  }
  await assert.rejects(async () => await get?.run(node, { path, more: 1 }), codeOf('badRequest'));
  assert.equal(reads.length, before);
});

test('lists and deletes subscriptions', async (t) => {
  const { node, withSystem, changes } = await startRedfishTree(t, event, {
    rules: { [`DELETE ${subscriptions}/1`]: () => ({ status: 204 }) },
  });
  const { methods } = createRedfishVendor({ withSystem, rawPaths: 'none' });
  const shown = {
    Id: '1',
    Destination: 'https://192.0.2.9/events',
    Protocol: 'Redfish',
    Context: 'ingot',
    EventTypes: ['Alert'],
  };

  assert.deepEqual(await methods['get_all_subscriptions']?.run(node, {}), [shown]);
  assert.deepEqual(await methods['get_subscription']?.run(node, { id: '1' }), shown);
  await methods['delete_subscription']?.run(node, { id: '1' });

  assert.deepEqual(
    changes.map(({ method, path }) => `${method} ${path}`),
    [`DELETE ${subscriptions}/1`],
  );
  await assert.rejects(async () => await methods['get_subscription']?.run(node, { id: '7' }), codeOf('notFound'));
  await assert.rejects(async () => await methods['delete_subscription']?.run(node, { id: '../1' }), codeOf('badRequest'));
});

test('a subscription id cannot lead to other paths', async (t) => {
  const { node, withSystem, changes, reads } = await startRedfishTree(t, event);
  const { methods } = createRedfishVendor({ withSystem, rawPaths: 'read' });
  const before = reads.length;
  const ids = [
    '../../AccountService/Accounts/1',
    '1/../../x',
    '%2e%2e%2f1',
    '..',
    '.',
    '',
    '1?a',
    '1#a',
    '//host/x',
    'http://host/x',
    '1\\x',
    '1\n',
  ];
  for (const method of ['get_subscription', 'delete_subscription'])
    for (const id of ids)
      await assert.rejects(async () => await methods[method]?.run(node, { id }), codeOf('badRequest'), `${method} ${id}`);
  assert.deepEqual(changes, []);
  assert.equal(reads.length, before);
});
