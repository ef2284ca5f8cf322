import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import type { StartedUpdate } from '#drivers/interfaces.ts';
import { collectionOf, startRedfishTree, type TreeReply, type TreeRules } from '#test/a-redfish-tree.ts';
import { completeUpdate } from '#test/complete-update.ts';
import { faultOf } from '#test/fault-of.ts';
import { createRedfishFirmware } from './firmware.ts';

const service = '/redfish/v1/UpdateService';
const inventory = `${service}/FirmwareInventory`;
const simpleUpdate = `${service}/Actions/UpdateService.SimpleUpdate`;
const task = '/redfish/v1/TaskService/Tasks/1';
const link = (path: string) => ({ '@odata.id': path });
const entry = (id: string, fields: JsonObject): JsonObject => ({ '@odata.id': `${inventory}/${id}`, Id: id, ...fields });

function resources(entries: readonly JsonObject[], update: JsonObject = {}): Record<string, JsonObject> {
  return {
    '/redfish/v1/Systems/1': {
      BiosVersion: 'U58 v2.44 (01/17/2025)',
      Links: { Chassis: [link('/redfish/v1/Chassis/1')], ManagedBy: [link('/redfish/v1/Managers/1')] },
    },
    '/redfish/v1/Managers/1': { FirmwareVersion: '1.66' },
    [service]: {
      ServiceEnabled: true,
      FirmwareInventory: link(inventory),
      Actions: {
        '#UpdateService.SimpleUpdate': { target: simpleUpdate, 'TransferProtocol@Redfish.AllowableValues': ['HTTP', 'HTTPS'] },
      },
      ...update,
    },
    [inventory]: collectionOf(entries.map((one) => String(one['@odata.id']))),
    ...Object.fromEntries(entries.map((one) => [String(one['@odata.id']), one])),
  };
}
/** Numeric Ids; name and description identify the component: iLO 6. */
const hpe = [
  entry('1', { Name: 'iLO 6', Description: 'SystemBMC', Version: '1.66 Dec 13 2024', Updateable: true }),
  entry('2', { Name: 'System ROM', Description: 'SystemRomActive', Version: 'U58 v2.44 (01/17/2025)', Updateable: true }),
  entry('3', { Name: 'Redundant System ROM', Description: 'SystemRomBackup', Version: 'U58 v2.10', Updateable: false }),
];

async function setUp(t: TestContext, given: Record<string, JsonObject>, rules: TreeRules = {}) {
  const tree = await startRedfishTree(t, given, { rules });
  const times = { taskMs: 2_000, pauseMs: 10 };
  return { ...tree, firmware: createRedfishFirmware(tree.withSystem, times) };
}

function aFile(t: TestContext, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-firmware-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'bmc.bin'), content);
  return join(folder, 'bmc.bin');
}

test("lists firmware by Ironic's names and those of the service", async (t) => {
  const adapters = '/redfish/v1/Chassis/1/NetworkAdapters';
  const { node, firmware } = await setUp(t, {
    ...resources(hpe),
    '/redfish/v1/Chassis/1': { NetworkAdapters: link(adapters) },
    [adapters]: collectionOf([`${adapters}/DE1`, `${adapters}/DE2`]),
    [`${adapters}/DE1`]: {
      Id: 'DE1',
      SerialNumber: 'MY123 ',
      Manufacturer: 'Maker',
      Model: 'X710',
      Controllers: [{ FirmwarePackageVersion: '22.31' }],
    },
    [`${adapters}/DE2`]: { Id: 'DE2', Controllers: [{}] },
  });

  assert.deepEqual(await firmware.readComponents(node), [
    { component: 'bios', version: 'U58 v2.44 (01/17/2025)', updateable: true, model: null },
    { component: 'bmc', version: '1.66', updateable: true, model: null },
    { ...{ component: 'nic:MY123', version: '22.31', updateable: true }, vendor: 'Maker', model: 'X710', serial_number: 'MY123' },
    { component: '1', version: '1.66 Dec 13 2024', updateable: true },
    { component: '2', version: 'U58 v2.44 (01/17/2025)', updateable: true },
    { component: '3', version: 'U58 v2.10', updateable: false },
  ]);
});

/** Expected inventory entry of each component, by vendor. */
const targets: Record<string, { entries: JsonObject[]; bios: string; bmc: string }> = {
  'HPE iLO 6': { entries: hpe, bios: '2', bmc: '1' },
  'Dell iDRAC9: installed, previous and available versions of each': {
    entries: [
      entry('Previous-159-1.0.0__BIOS.Setup.1-1', { Name: 'BIOS', Version: '1.0.0' }),
      entry('Installed-159-2.19.1__BIOS.Setup.1-1', { Name: 'BIOS', Version: '2.19.1' }),
      entry('Installed-25227-7.00__iDRAC.Embedded.1-1', { Name: 'Integrated Dell Remote Access Controller', Version: '7.00' }),
    ],
    bios: 'Installed-159-2.19.1__BIOS.Setup.1-1',
    bmc: 'Installed-25227-7.00__iDRAC.Embedded.1-1',
  },
  'Lenovo XCC: a backup of the BMC': {
    entries: [
      entry('BMC-Backup', { Name: 'Firmware:BMC-Backup' }),
      entry('BMC-Primary', { Name: 'Firmware:BMC' }),
      entry('UEFI', { Name: 'Firmware:UEFI' }),
    ],
    bios: 'UEFI',
    bmc: 'BMC-Primary',
  },
  'Supermicro and DMTF mockup': {
    entries: [entry('BIOS', { Name: 'BIOS' }), entry('BMC', { Name: 'BMC Firmware' })],
    bios: 'BIOS',
    bmc: 'BMC',
  },
  'OpenBMC: random ids, told by what they relate to': {
    entries: [
      entry('a1b2c3d4', { Name: 'Software Inventory', Version: '1.66', RelatedItem: [link('/redfish/v1/Managers/1')] }),
      entry('e5f6a7b8', { Name: 'Software Inventory', Version: '2.0', RelatedItem: [link('/redfish/v1/Systems/1/')] }),
    ],
    bios: 'e5f6a7b8',
    bmc: 'a1b2c3d4',
  },
};
for (const [vendor, { entries, bios, bmc }] of Object.entries(targets)) {
  test(`identifies the BIOS and BMC entries of ${vendor}`, async (t) => {
    const { node, firmware, changes } = await setUp(t, resources(entries), {
      [`POST ${simpleUpdate}`]: () => ({ status: 204 }),
    });

    await completeUpdate(firmware, node, { component: 'bios', url: 'http://192.0.2.1/f' });
    await completeUpdate(firmware, node, { component: 'bmc', url: 'http://192.0.2.1/f' });

    assert.deepEqual(
      changes.map(({ body }) => body['Targets']),
      [[`${inventory}/${bios}`], [`${inventory}/${bmc}`]],
    );
  });
}

test('updates from a URL and follows the task to its end', async (t) => {
  const states = ['Running', 'Running', 'Completed'];
  const { node, firmware, changes, reads } = await setUp(t, resources(hpe), {
    [`POST ${simpleUpdate}`]: () => ({ status: 202, headers: { location: task }, body: { '@odata.id': task } }),
    [`GET ${task}`]: () => ({
      status: 200,
      body: { '@odata.type': '#Task.v1_4_3.Task', TaskState: states.shift() ?? 'Completed', TaskStatus: 'OK' },
    }),
  });

  await completeUpdate(firmware, node, { url: 'https://images:pa%24s@192.0.2.1/fw/ilo6.bin' });

  assert.deepEqual(
    changes.map(({ body }) => body),
    [{ ImageURI: 'https://192.0.2.1/fw/ilo6.bin', TransferProtocol: 'HTTPS', Username: 'images', Password: 'pa$s' }],
  );
  assert.equal(reads.filter((path) => path === task).length, 3);
});

test('reports a failed task with the message of the service, without the secrets of the URL', async (t) => {
  const { node, firmware } = await setUp(t, resources(hpe), {
    [`POST ${simpleUpdate}`]: () => ({ status: 202, headers: { location: task } }),
    [`GET ${task}`]: () => ({
      status: 200,
      body: {
        '@odata.type': '#Task.v1_4_3.Task',
        TaskState: 'Exception',
        TaskStatus: 'Critical',
        Messages: [
          {
            MessageId: 'IDRAC.2.8.RED031',
            Message: 'Unable to verify the signature of the update package http://192.0.2.1/f?sig=s3cret.',
            Severity: 'Critical',
          },
        ],
      },
    }),
  });
  const fault = await faultOf(completeUpdate(firmware, node, { url: 'http://192.0.2.1/f?sig=s3cret' }));
  assert.equal(fault.code, 'bmcError');
  assert.match(fault.message, /task ended as Exception; Unable to verify .* http:\/\/192\.0\.2\.1\/f\?sig=\*\*\*/);
});

test('waits for a BMC that restarts, and compares versions if it has lost the task', async (t) => {
  const replies = ['running', 'cut', 'busy', 'gone'];
  const {
    node,
    firmware,
    resources: table,
  } = await setUp(t, resources(hpe), {
    [`POST ${simpleUpdate}`]: () => ({ status: 202, headers: { location: task } }),
    [`GET ${task}`]: (): TreeReply => {
      const next = replies.shift() ?? 'gone';
      if (next === 'running') return { status: 200, body: { '@odata.type': '#Task.v1_4_3.Task', TaskState: 'Running' } };
      if (next === 'cut') return { status: 0 };
      if (next === 'gone') table.set('/redfish/v1/Managers/1', { FirmwareVersion: '1.70' });
      return { status: next === 'busy' ? 503 : 404, body: {} };
    },
  });
  await completeUpdate(firmware, node, { component: 'bmc', url: 'http://192.0.2.1/f' });

  replies.push('gone');
  table.set('/redfish/v1/Managers/1', { FirmwareVersion: '1.70' });
  const fault = await faultOf(completeUpdate(firmware, node, { component: 'bmc', url: 'http://192.0.2.1/f' }));
  assert.match(fault.message, /dropped the update .*; bmc is still 1\.70/);
});

test('any new version shows the success of an update that named no component, if the BMC has lost its task', async (t) => {
  const {
    node,
    firmware,
    resources: table,
  } = await setUp(t, resources(hpe), {
    [`POST ${simpleUpdate}`]: () => ({ status: 202, headers: { location: task } }),
    [`GET ${task}`]: () => ({ status: 404, body: {} }),
  });
  const update = { url: 'http://192.0.2.1/f' };
  const versions = { bmc: '1.66', bios: 'U58 v2.44 (01/17/2025)' };
  const poll = () => firmware.pollUpdate(node, { update, versions, task: { id: task, request: 'POST /u' }, elapsed: 0 });

  assert.match((await faultOf(poll())).message, /dropped the update before it reported its result/);
  table.set('/redfish/v1/Managers/1', { FirmwareVersion: '1.70' });
  assert.equal(await poll(), undefined);
});

test('a started update is polled by a new process, also while the BMC restarts, until its time is over', async (t) => {
  let isAway = true;
  const away = (reply: TreeReply) => () => (isAway ? { status: 503, body: {} } : reply);
  const given = resources(hpe);
  const running = { '@odata.type': '#Task.v1_4_3.Task', TaskState: 'Running', PercentComplete: 40 };
  const { node, firmware } = await setUp(t, given, {
    'GET /redfish/v1/': away({ status: 200, body: {} }),
    'GET /redfish/v1/Systems/1': away({ status: 200, body: given['/redfish/v1/Systems/1'] ?? {} }),
    [`GET ${task}`]: away({ status: 200, body: running }),
  });
  const started = { update: { url: 'http://192.0.2.1/f' }, versions: {}, task: { id: task, request: 'POST /u' } };

  const poll = async (more: Pick<StartedUpdate, 'elapsed'> & Partial<StartedUpdate>) => {
    const found = await firmware.pollUpdate(node, { ...started, ...more });
    assert.ok(found && 'task' in found);
    return found;
  };

  const first = await poll({ elapsed: 0 });
  const late = await faultOf(firmware.pollUpdate(node, { ...started, elapsed: 3 }));
  isAway = false;
  const second = await poll({ task: first.task, elapsed: 1 });
  const tooLate = await faultOf(firmware.pollUpdate(node, { ...started, elapsed: 3 }));

  assert.equal(first.task.isRestarting, true);
  assert.equal(late.code, 'bmcNotReady');
  assert.deepEqual(second.task, first.task);
  assert.match(tooLate.message, /its task is still Running, 40% done after 2 s/);
});

test('omits the target if the service does not support the parameter', async (t) => {
  const { node, firmware, changes } = await setUp(t, resources(hpe), {
    [`POST ${simpleUpdate}`]: ({ body }): TreeReply =>
      body['Targets'] === undefined
        ? { status: 200, body: {} }
        : {
            status: 400,
            body: {
              error: {
                '@Message.ExtendedInfo': [{ MessageId: 'Base.1.4.ActionParameterUnknown', Message: 'Targets is unknown.' }],
              },
            },
          },
  });
  await completeUpdate(firmware, node, { component: 'bios', url: 'http://192.0.2.1/f' });
  assert.deepEqual(
    changes.map(({ body }) => 'Targets' in body),
    [true, false],
  );
});

test('sends only targets that a service allows', async (t) => {
  // Lenovo XCC: only the backup of the BMC is an allowed target.
  const action = {
    target: simpleUpdate,
    'TransferProtocol@Redfish.AllowableValues': ['TFTP', 'SFTP'],
    'Targets@Redfish.AllowableValues': [`${inventory}/BMC-Backup`],
  };
  const { node, firmware, changes } = await setUp(
    t,
    resources(targets['Lenovo XCC: a backup of the BMC']?.entries ?? [], { Actions: { '#UpdateService.SimpleUpdate': action } }),
    {
      [`POST ${simpleUpdate}`]: () => ({ status: 204 }),
    },
  );
  assert.match(
    (await faultOf(completeUpdate(firmware, node, { url: 'http://192.0.2.1/f' }))).message,
    /fetches firmware by TFTP, SFTP, not by HTTP/,
  );

  await completeUpdate(firmware, node, { component: 'bmc', url: 'tftp://192.0.2.1/f' });
  await completeUpdate(firmware, node, { component: 'BMC-Backup', url: 'tftp://192.0.2.1/f' });

  assert.deepEqual(
    changes.map(({ body }) => body['Targets']),
    [undefined, [`${inventory}/BMC-Backup`]],
  );
});

test('reads the allowed values from ActionInfo', async (t) => {
  // DMTF mockup public-rackmount1.
  const info = `${service}/SimpleUpdateActionInfo`;
  const { node, firmware } = await setUp(t, {
    ...resources(hpe, { Actions: { '#UpdateService.SimpleUpdate': { target: simpleUpdate, '@Redfish.ActionInfo': info } } }),
    [info]: { Parameters: [{ Name: 'TransferProtocol', AllowableValues: ['FTP'] }, { Name: 'ImageURI' }] },
  });
  assert.match((await faultOf(completeUpdate(firmware, node, { url: 'http://192.0.2.1/f' }))).message, /by FTP, not by HTTP/);
});

test('uploads a file as multipart form with the target', async (t) => {
  const path = aFile(t, 'firmware bytes');
  const { node, firmware, changes } = await setUp(
    t,
    resources(hpe, { MultipartHttpPushUri: '/mfwupdate', HttpPushUri: '/fwupdate' }),
    {
      'POST /mfwupdate': () => ({ status: 200, body: {} }),
    },
  );

  await completeUpdate(firmware, node, { component: 'bios', path });
  await completeUpdate(firmware, node, { path });

  const form = changes[0]?.raw.toString() ?? '';
  assert.match(changes[0]?.headers['content-type'] ?? '', /^multipart\/form-data; boundary=/);
  assert.match(
    form,
    /name="UpdateParameters"\r\nContent-Type: application\/json\r\n\r\n\{"Targets":\["\/redfish\/v1\/UpdateService\/FirmwareInventory\/2"\]\}/,
  );
  assert.match(
    form,
    /name="UpdateFile"; filename="bmc.bin"\r\nContent-Type: application\/octet-stream\r\n\r\nfirmware bytes\r\n/,
  );
  assert.match(changes[1]?.raw.toString() ?? '', /\{"Targets":\[\]\}/);
});

test('uploads the plain file if the service supports only that', async (t) => {
  const path = aFile(t, 'firmware bytes');
  const { node, firmware, changes } = await setUp(t, resources(hpe, { HttpPushUri: '/fwupdate', MaxImageSizeBytes: 100 }), {
    'POST /fwupdate': () => ({ status: 202, headers: { location: task } }),
    [`GET ${task}`]: () => ({ status: 200, body: { '@odata.type': '#Task.v1_4_3.Task', TaskState: 'Completed' } }),
  });
  await completeUpdate(firmware, node, { path });
  assert.deepEqual(
    [changes[0]?.raw.toString(), changes[0]?.headers['content-type']],
    ['firmware bytes', 'application/octet-stream'],
  );

  const large = aFile(t, 'x'.repeat(101));
  assert.match(
    (await faultOf(completeUpdate(firmware, node, { path: large }))).message,
    /has 101 bytes; this BMC takes at most 100/,
  );
  assert.match((await faultOf(completeUpdate(firmware, node, { path: '/nowhere' }))).message, /cannot be read/);
});

test('rejects what cannot work before anything is sent', async (t) => {
  const { node, firmware, changes, resources: table } = await setUp(t, resources(hpe, { HttpPushUri: '/cgi-bin/uploadFile' }));
  const url = 'http://192.0.2.1/f';

  assert.match(
    (await faultOf(completeUpdate(firmware, node, { component: 'gpu', url }))).message,
    /no firmware component 'gpu'; there are: bios, bmc, 1, 2, 3/,
  );
  assert.match((await faultOf(completeUpdate(firmware, node, { component: '3', url }))).message, /'3' cannot be updated/);
  assert.match(
    (await faultOf(completeUpdate(firmware, node, { path: aFile(t, 'x') }))).message,
    /does not support firmware update by upload/,
  );
  assert.match((await faultOf(completeUpdate(firmware, node, { url: 'nonsense' }))).message, /no URL/);
  table.set(service, { ServiceEnabled: false });
  assert.match((await faultOf(completeUpdate(firmware, node, { url }))).message, /switched off/);
  table.delete(service);
  assert.match((await faultOf(completeUpdate(firmware, node, { url }))).message, /does not support firmware updates/);
  assert.equal(changes.length, 0);
});
