import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { collectionOf, startRedfishTree } from '#test/a-redfish-tree.ts';
import { createRedfishLog } from './log.ts';

const link = (path: string) => ({ '@odata.id': path });
const systemLogs = '/redfish/v1/Systems/1/LogServices';
const managerLogs = '/redfish/v1/Managers/1/LogServices';

const owners: Record<string, JsonObject> = {
  '/redfish/v1/Systems/1': {
    Links: { Chassis: [link('/redfish/v1/Chassis/1')], ManagedBy: [link('/redfish/v1/Managers/1')] },
    LogServices: link(systemLogs),
  },
  '/redfish/v1/Managers/1': { LogServices: link(managerLogs) },
};
const service = (path: string, more: JsonObject = {}) => ({
  Id: path.split('/').at(-1) ?? '',
  Entries: link(`${path}/Entries`),
  ...more,
});
const clearAction = (path: string) => ({
  Actions: { '#LogService.ClearLog': { target: `${path}/Actions/LogService.ClearLog` } },
});

test('reads the logs of system and manager as one, oldest first', async (t) => {
  // Shapes of iDRAC9 (Sel of the manager, newest first), Supermicro X10 (entries expanded, no severity), iLO 6 (IML).
  const sel = `${managerLogs}/Sel`;
  const health = `${systemLogs}/Log1`;
  const { node, withSystem, reads } = await startRedfishTree(t, {
    ...owners,
    [systemLogs]: collectionOf([health, `${systemLogs}/Sel`, `${systemLogs}/AuditLog`, `${systemLogs}/PostCodes`]),
    [managerLogs]: collectionOf([sel]),
    [health]: service(health),
    [`${systemLogs}/Sel`]: { Id: 'Sel', Entries: link(`${sel}/Entries`) },
    [`${systemLogs}/AuditLog`]: service(`${systemLogs}/AuditLog`),
    [`${systemLogs}/PostCodes`]: service(`${systemLogs}/PostCodes`),
    [sel]: service(sel),
    [`${health}/Entries`]: {
      Members: [
        {
          '@odata.id': `${health}/Entries/1`,
          Id: '1',
          Created: '2018-08-12T12:46:14+00:00',
          SensorType: 'Memory',
          SensorNumber: 0,
          Message: '[ OEM ] Correctable ECC @DIMMB1',
        },
        {
          '@odata.id': `${health}/Entries/2`,
          Id: '2',
          Created: '1970-01-01T00:00:09+00:00',
          EntryCode: 'Assert',
          MessageId: '0x01',
          MessageArgs: ['a', 'b'],
        },
        { Id: '3', Created: '0000-00-00T00:00:00Z', MessageId: 'NULL', Name: 'Event', Severity: 'OK' },
      ],
    },
    [`${sel}/Entries`]: collectionOf([`${sel}/Entries/2`, `${sel}/Entries/1`]),
    [`${sel}/Entries/2`]: {
      Id: '2',
      Created: '2024-05-02T10:00:00-05:00',
      Severity: 'Critical',
      Message: 'The power input for power supply 2 is lost. ',
      SensorType: 'Power Supply / Converter',
    },
    [`${sel}/Entries/1`]: {
      Id: '1',
      Created: '2024-05-01T10:00:00-05:00',
      MessageSeverity: 'Warning',
      Message: 'Log cleared.',
      Links: { OriginOfCondition: link('/redfish/v1/Chassis/1/Sensors/Temp1') },
    },
  });

  const entries = await createRedfishLog(withSystem).readLog(node);

  assert.deepEqual(entries, [
    {
      id: 'Log1/1',
      at: '2018-08-12T12:46:14.000Z',
      severity: 'ok',
      source: 'Memory #0',
      message: '[ OEM ] Correctable ECC @DIMMB1',
    },
    { id: 'Log1/2', at: null, severity: 'ok', source: 'Log1', message: '0x01 (a, b) Assert' },
    { id: 'Sel/1', at: '2024-05-01T15:00:00.000Z', severity: 'warning', source: 'Sensors/Temp1', message: 'Log cleared.' },
    {
      id: 'Sel/2',
      at: '2024-05-02T15:00:00.000Z',
      severity: 'critical',
      source: 'Power Supply / Converter',
      message: 'The power input for power supply 2 is lost.',
    },
  ]);
  assert.equal(
    reads.some((path) => /AuditLog\/Entries|PostCodes\/Entries/.test(path)),
    false,
  );
});

test('keeps the newest entries of a long log in either order', async (t) => {
  const log = `${managerLogs}/Log`;
  const pages = (numbers: readonly number[]) => {
    const size = 200;
    const resources: Record<string, JsonObject> = {};
    for (let start = 0; start < numbers.length; start += size) {
      const path = start === 0 ? `${log}/Entries` : `${log}/Entries?$skip=${start}`;
      const members = numbers
        .slice(start, start + size)
        .map((number) => ({ Id: String(number), Created: new Date(1.7e12 + number * 1000).toISOString(), Message: 'm' }));
      const next: JsonObject =
        start + size < numbers.length ? { 'Members@odata.nextLink': `${log}/Entries?$skip=${start + size}` } : {};
      resources[path] = { Members: members, ...next };
    }
    return resources;
  };
  const rising = Array.from({ length: 1000 }, (_, index) => index);
  const expected = rising.slice(-500).map((number) => `Log/${number}`);
  for (const [numbers, pagesRead] of [
    [rising, 5],
    [rising.toReversed(), 3],
  ] as const) {
    const { node, withSystem, reads } = await startRedfishTree(t, {
      ...owners,
      [managerLogs]: collectionOf([log]),
      [log]: service(log),
      ...pages(numbers),
    });

    const entries = await createRedfishLog(withSystem).readLog(node);

    assert.deepEqual(
      entries.map(({ id }) => id),
      expected,
    );
    assert.equal(reads.filter((path) => path.startsWith(`${log}/Entries`)).length, pagesRead);
  }
});

test('clears the logs that can be cleared', async (t) => {
  const [sel, lc] = [`${managerLogs}/Sel`, `${managerLogs}/Lclog`];
  const target = `${sel}/Actions/LogService.ClearLog`;
  const { node, withSystem, changes, resources } = await startRedfishTree(
    t,
    { ...owners, [managerLogs]: collectionOf([sel, lc]), [sel]: service(sel, clearAction(sel)), [lc]: service(lc) },
    { rules: { [`POST ${target}`]: () => ({ status: 204 }) } },
  );
  const log = createRedfishLog(withSystem);

  await log.clearLog(node);
  assert.deepEqual(
    changes.map(({ method, path, body }) => [method, path, body]),
    [['POST', target, {}]],
  );

  resources.set(sel, service(sel));
  await assert.rejects(log.clearLog(node), /does not support clearing the log/);
});

test('reports a machine without logs', async (t) => {
  const { node, withSystem } = await startRedfishTree(t, owners);
  await assert.rejects(createRedfishLog(withSystem).readLog(node), /does not support log/);
});
