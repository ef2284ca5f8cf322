/** Operations of nodes whose ramdisk has Ironic's own agent: the engine and a scripted agent over real TLS. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { imageToken } from '#agent-protocol/image-token.ts';
import { tokenGiven } from '#agent-protocol/ipa.ts';
import type { JsonObject } from '#domain/json.ts';
import { directSteps } from '#drivers/direct/steps.ts';
import type { Operation } from '#store/tables/operations.ts';
import { anAvailableNode, anImage, aServerRequest, type Cloud, testCloud } from '#test/a-cloud.ts';
import { aRequester, bootstrapOf } from '#test/an-agent.ts';
import { anIpa, beat, ipaCleanSteps, ipaHardware, lookUp, type Script, willingScript } from '#test/an-ipa.ts';

const steps = directSteps({ agentTimeout: 600, imageTimeout: 600 });
const size = 2 ** 31;
const boot = { layout: 'mbr' as const, boot_code: true, efi_loaders: [], unread: [], damage: [] };
let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-ipa-'));
  await writeFile(join(folder, 'drive.iso'), 'the config drive');
});
after(() => rm(folder, { recursive: true, force: true }));

const images = () => ({
  get: async () => anImage,
  disk: async () => ({ path: '/raw', size, sha256: 'f'.repeat(64), virtual_size: size, data_bytes: 1, boot }),
  configDrive: async () => join(folder, 'drive.iso'),
});

function ipaCloud(options: Parameters<typeof testCloud>[0] = {}): Promise<Cloud> {
  const settings = { 'deploy.agent': 'ipa', 'deploy.ipa_kernel': '/k', 'deploy.ipa_ramdisk': '/r', ...options.settings };
  return testCloud({ steps, images: images(), ipaTimes: { pollMs: 20 }, ...options, settings });
}

async function waiting(cloud: Cloud, filter: { id?: string; kind?: string }, wait: RegExp): Promise<Operation> {
  for (;;) {
    const operation = (await cloud.store.operations.list(filter as never)).at(-1);
    if (operation && (operation.state === 'failed' || wait.test(operation.waiting_for ?? ''))) return operation;
    await new Promise(setImmediate);
  }
}

type Site = Awaited<ReturnType<typeof aDeployment>>;

/** A deployment whose machine has booted the ramdisk. */
async function aDeployment(t: TestContext, script: Script = willingScript, options: Parameters<typeof testCloud>[0] = {}) {
  const cloud = await ipaCloud(options);
  const ipa = await anIpa(script);
  t.after(async () => {
    await ipa.close();
    await cloud.engine.stop();
  });
  const node = await anAvailableNode(cloud, 'n1');
  const [port] = await cloud.store.node_ports.list({ node_uuid: node.uuid });
  const [server] = await cloud.engine.createServers(aServerRequest);
  const operation = await waiting(cloud, { kind: 'deploy' }, /the ramdisk to report/);
  const requester = aRequester('127.0.0.1', { macs: [port!.address], isServed: true });
  return { cloud, ipa, node, server: server!, operation, caller: callerOf(operation, requester) };
}

function callerOf(operation: Operation, requester: ReturnType<typeof aRequester>) {
  return { token: bootstrapOf(operation), requester, node: operation.node_uuid };
}

async function begun({ cloud: { engine }, ipa, caller }: Site): Promise<void> {
  await lookUp(engine, ipa, caller);
  await beat(engine, ipa, caller);
}

test('deploys by the commands of the agent: hardware, image with config drive, sync', async (t) => {
  const site = await aDeployment(t);
  const { cloud, ipa, operation, server } = site;
  await begun(site);
  assert.equal((await cloud.engine.ended(operation.id)).state, 'done');
  assert.equal((await cloud.store.servers.find({ id: server.id }))?.vm_state, 'active');
  assert.deepEqual(
    ipa.sent.map(({ name }) => name),
    ['poll.get_hardware_info', 'deploy.execute_deploy_step', 'standby.sync'],
  );
  const { step, node } = ipa.sent[1]!.params as { step: { step: string; args: JsonObject }; node: JsonObject };
  const { image_info, configdrive } = step.args as { image_info: JsonObject; configdrive: string };
  assert.equal(step.step, 'write_image');
  assert.equal(gunzipSync(Buffer.from(configdrive, 'base64')).toString(), 'the config drive');
  assert.deepEqual(node['instance_info'], { root_device: { name: 's== /dev/vda' } });
  assert.deepEqual(
    [image_info['disk_format'], image_info['os_hash_algo'], image_info['os_hash_value']],
    ['raw', 'sha256', 'f'.repeat(64)],
  );
  const path = `/ipa-images/${aServerRequest.image.id}`;
  const token = imageToken(`${operation.id}.${ipa.token}`, path);
  assert.deepEqual(image_info['urls'], [`http://192.0.2.1:8088${path}/${token}`]);
  const inventory = (await cloud.store.nodes.find({ uuid: operation.node_uuid }))?.inventory as { memory_bytes?: number } | null;
  assert.equal(inventory?.memory_bytes, 2 ** 31);
});

test('sets up the boot order of a machine that has started by UEFI', async (t) => {
  const uefi = ipaHardware({ boot: { current_boot_mode: 'uefi', pxe_interface: null } });
  const site = await aDeployment(t, (sent) => (sent.name === 'poll.get_hardware_info' ? uefi : willingScript(sent)), {
    images: {
      ...images(),
      disk: async () => ({
        ...(await images().disk()),
        boot: {
          ...boot,
          layout: 'gpt',
          efi_loaders: [{ path: '/EFI/BOOT/BOOTX64.EFI', architecture: 'x86_64', is_default: true }],
        },
      }),
    },
  });
  await begun(site);
  assert.equal((await site.cloud.engine.ended(site.operation.id)).state, 'done');
  const call = site.ipa.sent.find(({ name }) => name === 'image.install_bootloader');
  assert.equal(call?.params['target_boot_mode'], 'uefi');
});

test('gives the agent token once, and only to the machine', async (t) => {
  const { cloud, ipa, caller, node } = await aDeployment(t);
  const { engine } = cloud;
  const other = aRequester('172.30.0.99', { macs: ['52:54:00:99:99:99'], isServed: true });
  for (const requester of [other, aRequester('172.30.0.98', { isServed: true })])
    await assert.rejects(engine.agentAdmit(caller.token, requester, 'hello'), { code: 'forbidden' });
  const { requester } = caller;
  const wrong = caller.token.slice(0, -1) + (caller.token.endsWith('A') ? 'B' : 'A');
  await assert.rejects(engine.ipaLookup(wrong, {}, requester), { code: 'unauthorized' });
  await assert.rejects(engine.ipaLookup(caller.token, { addresses: '52:54:00:99:99:99' }, requester), { code: 'notFound' });
  await assert.rejects(engine.ipaLookup(caller.token, { node_uuid: other.address }, requester), { code: 'notFound' });
  const both = await Promise.all([lookUp(engine, ipa, caller), lookUp(engine, ipa, caller)]);
  assert.equal(both.filter((token) => token === tokenGiven).length, 1);
  assert.equal(await lookUp(engine, ipa, caller), tokenGiven);
  assert.ok(cloud.room.spent.has(node.uuid));
  const events = JSON.stringify(await cloud.store.events.list({}));
  assert.ok(!events.includes(ipa.token) && !events.includes(caller.token));
});

test('a lookup from a second address fails the operation', async (t) => {
  const { cloud, ipa, caller, operation } = await aDeployment(t);
  await lookUp(cloud.engine, ipa, caller);
  const second = { ...caller, requester: { ...caller.requester, address: '127.0.0.2' } };
  await assert.rejects(lookUp(cloud.engine, ipa, second), { code: 'secondAgent' });
  assert.equal((await cloud.engine.ended(operation.id)).fault?.code, 'secondAgent');
});

test('refuses heartbeats that are not of the agent with the token, and calls no address that they name', async (t) => {
  const { cloud, ipa, caller } = await aDeployment(t);
  const { engine } = cloud;
  await assert.rejects(beat(engine, ipa, caller, { agent_token: 'x'.repeat(43) }), { message: /Invalid or missing agent token/ });
  await lookUp(engine, ipa, caller);
  const { port } = new URL(ipa.url);
  const refused: [JsonObject, RegExp][] = [
    [{ agent_token: null }, /Agent token is required for heartbeat processing/],
    [{ agent_token: 'x'.repeat(43) }, /Invalid or missing agent token received/],
    [{ agent_token: tokenGiven }, /Invalid or missing agent token received/],
    [{ agent_version: null }, /did not transmit a version/],
    [{ agent_status: 'odd' }, /Agent status is invalid. Valid states are start,end,error/],
    [{ agent_verify_ca: null }, /agent_verify_ca/],
    [{ agent_verify_ca: 'no certificate' }, /is no certificate/],
    [{ callback_url: `http://127.0.0.1:${port}` }, /TLS/],
    ...[
      'https://127.0.0.2:9999',
      'https://localhost:9999',
      'https://127.1:9999',
      'https://0x7f000001:9999',
      'https://127.0.0.1:9999@10.0.0.1:80',
      'https://127.0.0.1:9999/path',
      'https://127.0.0.1:443',
      'https://127.0.0.1:99999',
      'https://[::1]:9999',
      'file:///etc/passwd',
      '',
    ].map((callback_url): [JsonObject, RegExp] => [{ callback_url }, /callback_url/]),
  ];
  for (const [changes, message] of refused)
    await assert.rejects(beat(engine, ipa, caller, changes), { code: 'badRequest', message }, JSON.stringify(changes));
  const elsewhere = { ...caller, requester: { ...caller.requester, address: '127.0.0.9' } };
  await assert.rejects(beat(engine, ipa, elsewhere), { code: 'forbidden' });
  await assert.rejects(beat(engine, ipa, { ...caller, node: 'another' }), { code: 'notFound' });
  assert.equal(ipa.sent.length, 0);
  await beat(engine, ipa, caller);
  await assert.rejects(beat(engine, ipa, caller, { callback_url: 'https://127.0.0.1:9998' }), { message: /Detected change/ });
});

test('goes on after a restart with the call that the agent runs, and sends it once', async (t) => {
  const site = await aDeployment(t, (sent) => (sent.name === 'deploy.execute_deploy_step' ? undefined : willingScript(sent)));
  const { cloud, ipa, caller, operation } = site;
  await begun(site);
  await ipa.untilSent('deploy.execute_deploy_step');
  await cloud.engine.stop();
  ipa.finish(willingScript({ name: 'deploy.execute_deploy_step', params: {} }));
  const later = await ipaCloud({ room: cloud.room, store: cloud.store });
  t.after(() => later.engine.stop());
  await later.engine.start();
  await beat(later.engine, ipa, caller);
  assert.equal((await later.engine.ended(operation.id)).state, 'done');
  assert.equal(ipa.sent.filter(({ name }) => name === 'deploy.execute_deploy_step').length, 1);
});

test('finds a call whose reply was lost in the list of the agent', async (t) => {
  const site = await aDeployment(t, (sent) => {
    site.ipa.losesReply = sent.name === 'deploy.execute_deploy_step';
    return willingScript(sent);
  });
  await begun(site);
  assert.equal((await site.cloud.engine.ended(site.operation.id)).state, 'done');
  assert.equal(site.ipa.sent.filter(({ name }) => name === 'deploy.execute_deploy_step').length, 1);
});

const failures: Record<string, [Script, RegExp]> = {
  'an image that it cannot write': [
    (sent) =>
      sent.name === 'deploy.execute_deploy_step' ? new Error('Error writing image\u001b[2J to device') : willingScript(sent),
    /failed to write the image: Error writing image {1,2}\[2J to device/,
  ],
  'a machine without a disk that is large enough': [
    (sent) => (sent.name === 'poll.get_hardware_info' ? ipaHardware({ disks: [] }) : willingScript(sent)),
    /failed to write the image: no disk was found on this machine/,
  ],
  'hardware that cannot be understood': [
    (sent) => (sent.name === 'poll.get_hardware_info' ? { disks: 'many' } : willingScript(sent)),
    /failed to report its hardware: its report cannot be understood/,
  ],
};
for (const [title, [script, message]] of Object.entries(failures)) {
  test(`fails the deployment for ${title}`, async (t) => {
    const site = await aDeployment(t, script);
    await begun(site);
    const { state, fault } = await site.cloud.engine.ended(site.operation.id);
    assert.equal(state, 'failed');
    assert.match(fault?.message ?? '', message);
  });
}

test('sends nothing to a machine with another certificate, and gives up after the silence timeout', async (t) => {
  const site = await aDeployment(t, willingScript, { settings: { 'deploy.silence_timeout': '1' } });
  const { cloud, ipa, caller, operation } = site;
  const other = await anIpa();
  t.after(() => other.close());
  await lookUp(cloud.engine, ipa, caller);
  await beat(cloud.engine, ipa, caller, { agent_verify_ca: other.certificate });
  const { fault } = await cloud.engine.ended(operation.id);
  assert.match(fault?.message ?? '', /its certificate has the SHA-256 fingerprint/);
  assert.equal(ipa.sent.length + ipa.unauthorized, 0);
});

for (const [title, nonsense] of [
  ['nonsense', '<html>'],
  ['a command without an id', '{"command_name": "x", "command_status": "RUNNING"}'],
  ['more bytes than a reply may have', `{"commands": "${'x'.repeat(9 * 2 ** 20)}"}`],
] as const) {
  test(`gives up after the silence timeout on an agent that replies with ${title}`, async (t) => {
    const site = await aDeployment(t, willingScript, { settings: { 'deploy.silence_timeout': '1' } });
    site.ipa.nonsense = nonsense;
    await begun(site);
    const { fault } = await site.cloud.engine.ended(site.operation.id);
    assert.match(fault?.message ?? '', /its command API: (?:its reply cannot be understood|a reply of more than \d+ bytes)/);
  });
}

/** A cleaning whose machine has booted the ramdisk. */
async function aCleaning(t: TestContext, script: Script) {
  const cloud = await ipaCloud({ settings: { 'clean.on_provide': 'true' } });
  const ipa = await anIpa(script);
  t.after(async () => {
    await ipa.close();
    await cloud.engine.stop();
  });
  const node = await anAvailableNode(cloud, 'n1');
  await cloud.store.nodes.update({ uuid: node.uuid }, { provision_state: 'manageable' });
  await cloud.engine.setProvisionState(node.uuid, 'provide');
  const operation = await waiting(cloud, { kind: 'clean' }, /the ramdisk to report/);
  const [port] = await cloud.store.node_ports.list({ node_uuid: node.uuid });
  const caller = callerOf(operation, aRequester('127.0.0.1', { macs: [port!.address], isServed: true }));
  await lookUp(cloud.engine, ipa, caller);
  await beat(cloud.engine, ipa, caller);
  return { ipa, ended: await cloud.engine.ended(operation.id) };
}

test('cleans by the steps that the ramdisk enables, in the order of their priority', async (t) => {
  const { ipa, ended } = await aCleaning(t, willingScript);
  assert.equal(ended.state, 'done');
  const executed = ipa.sent.flatMap(({ params }) => (params['step'] as { step?: string } | undefined)?.step ?? []);
  assert.deepEqual(executed, ['erase_devices_metadata', 'erase_devices']);
  const { clean_version, node = {} } = ipa.sent.find(({ name }) => name === 'clean.execute_clean_step')!.params as Record<
    string,
    JsonObject
  >;
  assert.deepEqual(clean_version, ipaCleanSteps.hardware_manager_version);
  assert.equal((node['driver_internal_info'] as JsonObject)['agent_erase_skip_read_only'], false);
});

const offering = (steps: object[]) => ({ ...ipaCleanSteps, clean_steps: { Manager: steps } });
const erase = { step: 'erase_devices', priority: 10, interface: 'deploy', reboot_requested: false };
const uncleaned: Record<string, [unknown, RegExp]> = {
  'do not erase the disks': [
    offering([{ ...erase, step: 'erase_devices_metadata' }]),
    /do not enable the clean step erase_devices/,
  ],
  'ask for a reboot': [offering([erase, { ...erase, step: 'flash', reboot_requested: true }]), /flash asks for a reboot/],
  'are too many': [offering(Array(101).fill(erase)), /101 clean steps, of which 100 are the most/],
  'cannot be understood': [{ clean_steps: [] }, /clean steps cannot be understood/],
};
for (const [title, [offered, message]] of Object.entries(uncleaned)) {
  test(`fails the cleaning by a ramdisk whose steps ${title}`, async (t) => {
    const { ended } = await aCleaning(t, (sent) => (sent.name === 'clean.get_clean_steps' ? offered : willingScript(sent)));
    assert.equal(ended.state, 'failed');
    assert.match(ended.fault?.message ?? '', message);
  });
}

test('fails the cleaning if the agent has left out a disk', async (t) => {
  const disks = [
    ...(ipaHardware()['disks'] as JsonObject[]),
    { ...(ipaHardware()['disks'] as JsonObject[])[0], name: '/dev/vdb', serial: 'D2' },
  ];
  const { ended } = await aCleaning(t, (sent) =>
    sent.name === 'poll.get_hardware_info' ? ipaHardware({ disks: disks as never }) : willingScript(sent),
  );
  assert.equal(ended.fault?.code, 'diskMissing');
});
