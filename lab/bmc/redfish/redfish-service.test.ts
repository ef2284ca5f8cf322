/** The Redfish front end alone: conformance to DSP0266, and its faults. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { BmcProfileChanges } from '../bmc-profile.ts';
import type { Chassis, MediaDevice } from '../chassis.ts';
import { createBmcModel } from '../create-bmc-model.ts';
import { createMemoryChassis } from '../memory-chassis.ts';
import type { Json, Resource } from './messages.ts';
import { startRedfishService } from './redfish-service.ts';

const system = '/redfish/v1/Systems/1';
const reset = `${system}/Actions/ComputerSystem.Reset`;

async function setUp(t: TestContext, profile: BmcProfileChanges = {}, machine?: Partial<Chassis>) {
  const drives = new Map<MediaDevice, string | null>();
  const memory = createMemoryChassis('off');
  const changeMedium = async (device: MediaDevice, path: string | null) =>
    void drives.set(device, path && readFileSync(path, 'utf8'));
  const users = [
    { name: 'admin', password: 'password1', privilege: 'administrator' },
    { name: 'viewer', password: 'password2', privilege: 'user' },
  ] as const;
  const bmcModel = createBmcModel({ chassis: { ...memory, changeMedium, ...machine }, users, media: ['cdrom', 'floppy'] });
  const mediaFolder = mkdtempSync(join(tmpdir(), 'ingot-media-'));
  const service = await startRedfishService({ address: '127.0.0.1', port: 0, bmcModel, profile, mediaFolder });
  t.after(async () => {
    await service.close();
    rmSync(mediaFolder, { recursive: true });
  });
  const ask = async (method: string, path: string, body?: Json, headers: Record<string, string> = {}) => {
    const auth = { authorization: `Basic ${Buffer.from('admin:password1').toString('base64')}` };
    const text = body === undefined ? {} : { body: JSON.stringify(body) };
    const reply = await fetch(service.url + path, { method, headers: { ...auth, ...headers }, ...text });
    const said = await reply.text();
    const isJson = reply.headers.get('content-type')?.startsWith('application/json');
    return { status: reply.status, headers: reply.headers, body: (isJson ? JSON.parse(said) : { said }) as Resource };
  };
  const as = (name: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`,
  });
  return { bmcModel, service, ask, as, drives, memory };
}

type Fixture = Awaited<ReturnType<typeof setUp>>;

function messageIds({ body }: { body: Resource }): string[] {
  const info = (body['error'] as Resource)['@Message.ExtendedInfo'] as Resource[];
  return info.map((message) => String(message['MessageId']));
}

/** A host that serves files and records POSTs. */
async function aHost(t: TestContext): Promise<{ url: string; heard: Resource[]; server: Server }> {
  const heard: Resource[] = [];
  const server = createServer(async (request, reply) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    if (text) heard.push(JSON.parse(text) as Resource);
    if (text) server.emit('heard');
    reply.writeHead(request.url === '/missing.iso' ? 404 : 200).end(request.url);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, heard, server };
}

test('every link resolves', async (t) => {
  const { ask } = await setUp(t);
  const found = new Set(['/redfish/v1']);
  for (const path of found) {
    const { status, body, headers } = await ask('GET', path);
    assert.equal(status, 200, path);
    assert.equal(headers.get('odata-version'), '4.0');
    assert.equal(body['@odata.id']?.toString().replace(/\/$/, '') ?? path, path);
    const text = JSON.stringify(body);
    for (const [, link] of text.matchAll(/"@odata.id":"([^"#]+?)\/?"/g)) found.add(link as string);
  }
  assert.ok(found.size > 35, [...found].join('\n'));
});

test('serves only the root without login, and checks the password', async (t) => {
  const { ask, as } = await setUp(t);
  const none = { authorization: '' };

  for (const path of ['/redfish', '/redfish/v1/', '/redfish/v1/$metadata', '/redfish/v1/odata'])
    assert.equal((await ask('GET', path, undefined, none)).status, 200, path);
  const anonymous = await ask('GET', system, undefined, none);
  assert.deepEqual([anonymous.status, messageIds(anonymous)], [401, ['Base.1.8.NoValidSession']]);
  assert.match(anonymous.headers.get('www-authenticate') ?? '', /^Basic/);
  assert.equal((await ask('GET', system, undefined, as('admin', 'wrong'))).status, 401);
  assert.equal((await ask('GET', '/redfish/v1/nowhere', undefined, none)).status, 401);

  assert.equal((await ask('GET', system, undefined, as('viewer', 'password2'))).status, 200);
  const forbidden = await ask('POST', reset, { ResetType: 'On' }, as('viewer', 'password2'));
  assert.deepEqual([forbidden.status, messageIds(forbidden)], [403, ['Base.1.8.InsufficientPrivilege']]);
});

test('opens, limits, ends and expires sessions', async (t) => {
  const { ask, service, bmcModel } = await setUp(t, { sessionLimit: 2 });
  const sessions = '/redfish/v1/SessionService/Sessions';
  const open = () => ask('POST', sessions, { UserName: 'admin', Password: 'password1' }, { authorization: '' });

  const first = await open();
  const token = { authorization: '', 'x-auth-token': first.headers.get('x-auth-token') as string };
  assert.deepEqual([first.status, (await ask('GET', system, undefined, token)).status], [201, 200]);
  await open();
  const third = await open();
  assert.deepEqual([third.status, messageIds(third)], [503, ['Base.1.8.SessionLimitExceeded']]);

  assert.equal((await ask('DELETE', first.headers.get('location') as string, undefined, token)).status, 204);
  assert.equal((await ask('GET', system, undefined, token)).status, 401);
  assert.deepEqual([service.sessionCount, service.logins], [1, 2]);
  bmcModel.resetBmc('cold');
  assert.equal(service.sessionCount, 0);
});

test('rejects invalid requests with the right error', async (t) => {
  const { ask } = await setUp(t);
  const cases: [string, string, Json | undefined, number, string][] = [
    ['GET', '/redfish/v1/Systems/2', undefined, 404, 'ResourceMissingAtURI'],
    ['DELETE', system, undefined, 405, 'OperationNotAllowed'],
    ['PATCH', system, { Colour: 'red' }, 400, 'PropertyUnknown'],
    ['PATCH', system, { PowerState: 'On' }, 400, 'PropertyNotWritable'],
    ['PATCH', system, {}, 400, 'NoOperation'],
    ['PATCH', system, [1], 400, 'MalformedJSON'],
    ['PATCH', system, { Boot: { BootSourceOverrideTarget: 'Tape' } }, 400, 'PropertyValueNotInList'],
    ['PATCH', system, { Boot: { Shoe: 1 } }, 400, 'PropertyUnknown'],
    ['PATCH', system, { IndicatorLED: 7 }, 400, 'PropertyValueTypeError'],
    ['POST', reset, {}, 400, 'ActionParameterMissing'],
    ['POST', reset, { ResetType: 'Kick' }, 400, 'ActionParameterNotSupported'],
    ['POST', reset, { ResetType: 'Nmi' }, 409, 'ResourceInStandby'],
    ['PATCH', `${system}/Bios/Settings`, { Attributes: { BootMode: 'Punched' } }, 400, 'PropertyValueNotInList'],
    ['PATCH', `${system}/Bios/Settings`, { Attributes: { NumaNodesPerSocket: 9 } }, 400, 'PropertyValueNotInList'],
    ['PATCH', '/redfish/v1/AccountService/Accounts/1', { Password: 'short' }, 400, 'PropertyValueFormatError'],
  ];
  for (const [method, path, body, status, id] of cases) {
    const answer = await ask(method, path, body);
    assert.deepEqual([answer.status, messageIds(answer)], [status, [`Base.1.8.${id}`]], `${method} ${path}`);
  }
  assert.match((await ask('DELETE', system)).headers.get('allow') ?? '', /GET, HEAD, PATCH/);
});

test('changes nothing if one of several fields is invalid', async (t) => {
  const { ask, bmcModel } = await setUp(t);
  await ask('PATCH', system, { IndicatorLED: 'Lit', AssetTag: 5 });
  assert.equal(bmcModel.indicator, 'off');
});

test('honours If-Match, which a vendor may require', async (t) => {
  const { ask, service } = await setUp(t);
  const { headers, body } = await ask('GET', system);
  const etag = headers.get('etag') as string;
  assert.deepEqual([body['@odata.etag'], etag.slice(0, 2)], [etag, 'W/']);
  assert.equal((await ask('GET', system, undefined, { 'if-none-match': etag })).status, 304);

  assert.equal((await ask('PATCH', system, { AssetTag: 'a' }, { 'if-match': etag })).status, 200);
  const late = await ask('PATCH', system, { AssetTag: 'b' }, { 'if-match': etag });
  assert.deepEqual([late.status, messageIds(late)], [412, ['Base.1.8.PreconditionFailed']]);

  service.setBmcProfile({ redfish: { ifMatch: 'required', etags: 'strong', errors: 'short', messageRegistry: 'Base.1.0' } });
  const bare = await ask('PATCH', system, { AssetTag: 'b' });
  assert.deepEqual([bare.status, (bare.body['error'] as Resource)['code']], [428, 'Base.1.0.PreconditionRequired']);
  assert.equal((await ask('PATCH', system, { AssetTag: 'b' }, { 'if-match': '*' })).status, 200);

  service.setBmcProfile({ redfish: { etags: 'none' } });
  assert.equal((await ask('GET', system)).headers.get('etag'), null);
});

test('inserts and ejects virtual media', async (t) => {
  const { ask, drives, bmcModel } = await setUp(t);
  const { url } = await aHost(t);
  const drive = '/redfish/v1/Managers/1/VirtualMedia/Cd';
  const insert = (image: string) => ask('POST', `${drive}/Actions/VirtualMedia.InsertMedia`, { Image: image });

  assert.equal((await insert(`${url}/live.iso`)).status, 204);
  assert.deepEqual([drives.get('cdrom'), bmcModel.media[0]?.image], ['/live.iso', `${url}/live.iso`]);
  assert.deepEqual(messageIds(await insert(`${url}/other.iso`)), ['Base.1.8.ResourceInUse']);
  await ask('POST', `${drive}/Actions/VirtualMedia.EjectMedia`, {});
  assert.equal(drives.get('cdrom'), null);
  assert.equal((await insert(`${url}/missing.iso`)).status, 500);
  assert.equal((await ask('GET', drive)).body['Inserted'], false);
});

test('shows and reports media inserted manually', async (t) => {
  const held = new Map<MediaDevice, string>();
  const reported: (() => void)[] = [];
  const chassis = {
    ...createMemoryChassis('off'),
    async changeMedium(device: MediaDevice, path: string | null, uri = `file://${path}`) {
      if (path === null) held.delete(device);
      else held.set(device, uri);
      for (const publish of reported) publish();
    },
    medium: (device: MediaDevice) => held.get(device) ?? null,
    onMedium(listener: () => void) {
      reported.push(listener);
      return () => {};
    },
  };
  const { ask, bmcModel } = await setUp(t, {}, chassis);
  const changes: string[] = [];
  bmcModel.onChange((what) => void changes.push(what));
  const drive = '/redfish/v1/Managers/1/VirtualMedia/Cd';
  const shown = async () => (await ask('GET', drive)).body;

  await chassis.changeMedium('cdrom', '/isos/live.iso');
  assert.partialDeepStrictEqual(await shown(), { Inserted: true, Image: 'file:///isos/live.iso', ImageName: 'live.iso' });
  assert.equal((await ask('POST', `${drive}/Actions/VirtualMedia.EjectMedia`, {})).status, 204);
  assert.partialDeepStrictEqual(await shown(), { Inserted: false, Image: null });
  assert.equal(held.size, 0);
  const { url } = await aHost(t);
  await ask('POST', `${drive}/Actions/VirtualMedia.InsertMedia`, { Image: `${url}/live.iso` });
  assert.equal((await shown())['Image'], `${url}/live.iso`);
  await chassis.changeMedium('cdrom', null);
  assert.equal((await shown())['Inserted'], false);
  assert.deepEqual(changes, Array(5).fill('media'));
});

test('a vendor that inserts media by PATCH has no action for it', async (t) => {
  const { ask, bmcModel } = await setUp(t, { redfish: { mediaBy: 'patch', mediaOwner: 'system', cdId: 'EXT1' } });
  const { url } = await aHost(t);
  const drive = `${system}/VirtualMedia/EXT1`;

  assert.equal((await ask('GET', drive)).body['Actions'], undefined);
  assert.equal((await ask('POST', `${drive}/Actions/VirtualMedia.InsertMedia`, {})).status, 404);
  await ask('PATCH', drive, { Image: `${url}/live.iso`, Inserted: true });
  assert.equal(bmcModel.media[0]?.image, `${url}/live.iso`);
  await ask('PATCH', drive, { Image: null });
  assert.equal(bmcModel.media[0]?.image, null);
});

test('updates firmware by a task, pulled or pushed; a corrupt file fails it', async (t) => {
  const { ask } = await setUp(t, { redfish: { taskMs: 20 } });
  const { url } = await aHost(t);
  const update = '/redfish/v1/UpdateService';
  const version = async (name: string) => (await ask('GET', `${update}/FirmwareInventory/${name}`)).body['Version'];
  const follow = async ({ status, headers }: Awaited<ReturnType<Fixture['ask']>>) => {
    assert.equal(status, 202);
    for (;;) {
      const answer = await ask('GET', headers.get('location') as string);
      if (answer.status !== 202) return answer;
      assert.ok(answer.headers.get('retry-after'));
    }
  };
  const simple = (file: string, targets: string[]) =>
    ask('POST', `${update}/Actions/UpdateService.SimpleUpdate`, { ImageURI: `${url}/${file}`, Targets: targets });

  assert.equal((await follow(await simple('bmc-1.9.3.bin', [`${update}/FirmwareInventory/BMC`]))).status, 200);
  assert.equal(await version('BMC'), '1.9.3');
  assert.equal((await follow(await simple('broken.bin', []))).status, 400);
  const { body } = await ask('GET', '/redfish/v1/TaskService/Tasks/2');
  assert.deepEqual([body['TaskState'], body['PercentComplete']], ['Exception', 100]);

  const form = new FormData();
  const parameters = JSON.stringify({ Targets: [`${update}/FirmwareInventory/NIC`] });
  form.append('UpdateParameters', new Blob([parameters], { type: 'application/json' }));
  form.append('UpdateFile', new Blob(['x'.repeat(100_000)]), 'nic-30.1.bin');
  const { service, as } = await setUp(t, { redfish: { taskMs: 0 } });
  const reply = await fetch(`${service.url}${update}/upload`, { method: 'POST', body: form, headers: as('admin', 'password1') });
  assert.equal(reply.status, 202);
});

test('sends events in order to subscribers and to readers of the stream', async (t) => {
  const { ask, bmcModel, service, as } = await setUp(t);
  const { url, heard, server } = await aHost(t);
  const requested = {
    Destination: `${url}/events`,
    Protocol: 'Redfish',
    Context: 'rack 1',
    EventTypes: ['StatusChange', 'ResourceUpdated'],
  };
  const { status, headers } = await ask('POST', '/redfish/v1/EventService/Subscriptions', requested);
  assert.equal(status, 201);
  const stream = await fetch(`${service.url}/redfish/v1/EventService/SSE`, { headers: as('admin', 'password1') });

  await bmcModel.chassis.powerOn();
  bmcModel.indicator = 'on';
  while (heard.length < 2) await once(server, 'heard');

  const events = heard.map((body) => ((body['Events'] as Resource[])[0] as Resource)['Message']);
  assert.deepEqual(events, ['Power is on.', 'The indicator changed.']);
  assert.equal(heard[0]?.['Context'], 'rack 1');
  let text = '';
  for await (const chunk of stream.body!) {
    text += Buffer.from(chunk).toString();
    if (text.includes('The indicator changed.')) break;
  }
  assert.match(text, /^: events follow\n\nid: \d+\ndata: \{/);
  assert.equal((await ask('DELETE', headers.get('location') as string)).status, 204);
});

test('retries an event that a subscriber did not accept', async (t) => {
  const { ask, bmcModel } = await setUp(t);
  const heard: string[] = [];
  const server = createServer((request, reply) => {
    request.resume();
    heard.push(String(request.headers['x-secret']));
    reply.writeHead(heard.length === 1 ? 500 : 204).end();
    server.emit('heard');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const Destination = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const requested = { Destination, Protocol: 'Redfish', EventTypes: ['StatusChange'], HttpHeaders: [{ 'X-Secret': 's3' }] };
  const { headers } = await ask('POST', '/redfish/v1/EventService/Subscriptions', requested);

  await bmcModel.chassis.powerOn();
  while (heard.length < 2) await once(server, 'heard');

  assert.deepEqual(heard, ['s3', 's3']);
  assert.deepEqual((await ask('GET', headers.get('location') as string)).body['HttpHeaders'], []);
});

test('IPMI and Redfish share one BMC model', async (t) => {
  const { ask, bmcModel, memory } = await setUp(t);
  await ask('PATCH', system, {
    Boot: { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once', BootSourceOverrideMode: 'UEFI' },
  });
  assert.deepEqual(bmcModel.chassis.bootOverride.get(), { device: 'pxe', persistent: false, uefi: true });
  await ask('PATCH', system, { Boot: { BootSourceOverrideTarget: 'UefiHttp', HttpBootUri: 'http://h/boot.efi' } });
  await ask('POST', reset, { ResetType: 'On' });
  assert.deepEqual(memory.boots[0], { device: 'pxe', persistent: false, uefi: true, httpUri: 'http://h/boot.efi' });
  await ask('PATCH', '/redfish/v1/AccountService/Accounts/1', { Password: 'password9' });
  assert.equal(bmcModel.users[0]?.password, 'password9');
});

test('misbehaves as configured', async (t) => {
  const { ask, bmcModel, service, as } = await setUp(t, { forgetsBootOverride: true, acceptsWithoutEffect: true });
  await ask('PATCH', system, { Boot: { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' } });
  assert.equal((await ask('POST', reset, { ResetType: 'On' })).status, 204);
  assert.deepEqual([bmcModel.chassis.bootOverride.get(), bmcModel.chassis.power()], [undefined, 'off']);

  service.setBmcProfile({ acceptsWithoutEffect: false, actsAfterMs: 1_000 });
  const on = new Promise<void>((resolve) => void bmcModel.onChange((what) => what === 'power' && resolve()));
  await ask('POST', reset, { ResetType: 'On' });
  assert.equal(bmcModel.chassis.power(), 'off');
  await on;
  assert.equal(bmcModel.chassis.power(), 'on');

  service.setBmcProfile({ refusePassword: true });
  assert.equal((await ask('GET', system)).status, 401);
  service.setBmcProfile({ refusePassword: false, dropRate: 1 });
  await assert.rejects(ask('GET', system));
  service.setBmcProfile({ dropRate: 0, silent: true });
  const maxWait = { signal: AbortSignal.timeout(200), headers: as('admin', 'password1') };
  await assert.rejects(fetch(service.url + system, maxWait), /timeout/i);
});

test('a vendor may omit fields and whole resources, and add its own', async (t) => {
  const shape = {
    systemId: 'Self',
    omit: { system: ['Boot/HttpBootUri', 'SecureBoot'], secureBoot: ['*'] },
    extend: { system: { Oem: { V: 1 } } },
  };
  const { ask } = await setUp(t, { redfish: { ...shape, bootAt: 'settings' } });

  const { body } = await ask('GET', '/redfish/v1/Systems/Self');
  assert.deepEqual([body['SecureBoot'], body['Oem']], [undefined, { V: 1 }]);
  assert.equal('HttpBootUri' in (body['Boot'] as Resource), false);
  assert.equal((await ask('GET', '/redfish/v1/Systems/Self/SecureBoot')).status, 404);
  assert.equal((await ask('PATCH', '/redfish/v1/Systems/Self', { Boot: {} })).status, 400);
  assert.equal((await ask('PATCH', '/redfish/v1/Systems/Self/SD', { Boot: { BootSourceOverrideTarget: 'Pxe' } })).status, 200);
});

test('asks clients to retry after its start or reset', async (t) => {
  const { ask } = await setUp(t, { redfish: { startingMs: 60_000 } });
  const { status, headers } = await ask('GET', '/redfish/v1');
  assert.deepEqual([status, headers.get('retry-after')], [503, '60']);
});
