/**
 * Failures of machines and images: each must end in the correct state, with a message that names the cause. Ingot, its
 * agent, IPMI, HTTP and iSCSI are real; firmware and kernels are simulated (test/crash).
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { CloudClient } from '#demo/cloud-client.ts';
import { logIn } from '#demo/lab-cloud.ts';
import {
  createFlavor,
  createNetwork,
  followServer,
  type ServerView,
  showServer,
  untilNode,
  uploadImage,
} from '#demo/main-job.ts';
import { insideNamespace } from '#lab/network.ts';
import { serve } from '#serve.ts';
import { readSettings } from '#settings.ts';
import { bootFiles, expectNothingLeft, expectUnreadable } from '#test/crash/crash-expectations.ts';
import { type CrashFixture, openCrashFixture, type ServerFacts, untilEvent } from '#test/crash/crash-fixture.ts';
import {
  createServer,
  deleteServer,
  type PartitionImage,
  portsOf,
  smallFlavor,
  uploadPartition,
  uploadWholeDisk,
  type WholeImage,
} from '#test/crash/crash-jobs.ts';
import { serverAddress } from '#test/crash/private-network.ts';
import type { RackMachine } from '#test/crash/simulated-rack.ts';
import { makeWholeDisk } from '#test/crash/small-images.ts';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const options = { concurrency: true, ...(!isRoot && { skip: 'network namespaces need root' }) };
const timeout = 480_000;
const sizes = { mib: 24, dataMib: 8 };

/** One machine of the stage, enrolled, with everything needed to create a server on it. */
type Corner = { fixture: CrashFixture; machine: RackMachine; node: string; flavorId: string };

async function corner(fixture: CrashFixture, index: number, flavorId: string): Promise<Corner> {
  const machine = fixture.rack.machines[index]!;
  return { fixture, machine, node: await fixture.enrol(machine), flavorId };
}

async function deploy({ fixture, node, flavorId }: Corner, name: string, imageId: string): Promise<string> {
  return createServer(fixture, { name, imageId, flavorId, node });
}

async function expectError({ fixture }: Corner, id: string, cause: RegExp): Promise<ServerFacts> {
  const server = await fixture.untilServer(id, ({ status }) => status !== 'BUILD');
  assert.equal(server.status, 'ERROR');
  assert.match(server.fault?.message ?? '', cause);
  assert.deepEqual(await portsOf(fixture, id), [], 'its ports are gone');
  return server;
}

/** The node is usable again, and the failed server's only trace is the node's last error. */
async function expectUsable({ fixture, machine, node }: Corner, lastError: RegExp): Promise<void> {
  const free = await fixture.untilNode(node, ({ reservation }) => reservation === null);
  assert.deepEqual(
    [free.provision_state, free.instance_uuid, free.maintenance, free.power_state],
    ['available', null, false, 'power off'],
  );
  assert.match(free.last_error ?? '', lastError);
  assert.equal(machine.power, 'off');
}

async function expectOutOfService({ fixture, node }: Corner, cause: RegExp): Promise<void> {
  const lost = await fixture.untilNode(node, ({ reservation }) => reservation === null);
  assert.deepEqual(
    [lost.provision_state, lost.instance_uuid, lost.maintenance, lost.fault],
    ['clean failed', null, true, 'clean failure'],
  );
  assert.match(lost.maintenance_reason ?? '', cause);
}

/** Simulates a failing disk: the file's timestamps do not change. */
async function flipByte(path: string): Promise<void> {
  await run('cp', ['--attributes-only', '--preserve=timestamps', path, `${path}.times`]);
  const file = await open(path, 'r+');
  try {
    const position = Math.floor((await stat(path)).size / 2);
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, position);
    buffer[0]! ^= 0xff;
    await file.write(buffer, 0, 1, position);
    await file.sync();
  } finally {
    await file.close();
    await run('touch', ['-r', `${path}.times`, path]);
    await rm(`${path}.times`);
  }
}

let fixture: CrashFixture;
let flavorId: string;
let whole: WholeImage;
let classic: PartitionImage;
if (isRoot) before(openShared);
if (isRoot) after(closeShared);

async function openShared(): Promise<void> {
  // Faults are reported without delay; the grace period of a BMC is tested with a separate stage.
  fixture = await openCrashFixture({ name: 'faults', machines: 7, settings: { 'bmc.grace_period': '0' } });
  flavorId = await smallFlavor(fixture);
  whole = await uploadWholeDisk(fixture, 'whole', sizes);
  classic = await uploadPartition(fixture, 'classic', sizes);
}

async function closeShared(): Promise<void> {
  try {
    await fixture?.ingot.stop();
    // A machine whose BMC does not respond can only be switched off by its plug.
    await fixture?.rack.close();
    if (fixture) await expectNothingLeft(fixture);
  } finally {
    await fixture?.close();
  }
}

describe('images', options, () => {
  test('detects a changed image in the store before the machine is changed', { timeout }, async () => {
    const here = await corner(fixture, 0, flavorId);
    const image = await uploadWholeDisk(fixture, 'rotten', sizes);
    await flipByte(join(fixture.stateDir, 'images', image.id, 'data'));
    const seen = here.machine.news.length;
    const id = await deploy(here, 'rotten', image.id);
    const server = await expectError(here, id, /The data of image rotten is corrupt: expected sha512 \w+…, got sha512 \w+…/);
    assert.match(server.fault?.details ?? '', /Failed in step "Prepare the image"\. Upload the image again\./);
    await expectUsable(here, /Prepare the image.*image rotten is corrupt/);
    assert.equal(here.machine.news.length, seen);
  });

  test('the agent detects a corrupt prepared copy, which is never booted and is rebuilt', { timeout }, async () => {
    const here = await corner(fixture, 1, flavorId);
    const image = await uploadWholeDisk(fixture, 'fragile', sizes);
    const first = await deploy(here, 'sound', image.id);
    assert.equal((await fixture.untilServer(first, ({ status }) => status !== 'BUILD')).status, 'ACTIVE');
    await deleteServer(fixture, first);
    await expectUsable(here, /^$/);
    await flipByte(join(fixture.stateDir, 'images', image.id, 'extents'));
    const boots = here.machine.boots().length;
    const id = await deploy(here, 'broken', image.id);
    const server = await expectError(here, id, /prepared copy of image fragile is corrupt/);
    assert.match(server.fault?.details ?? '', /Failed in step "Write the image"/);
    await expectUsable(here, /prepared copy of image fragile is corrupt/);
    assert.deepEqual(
      here.machine
        .boots()
        .slice(boots)
        .map(({ system }) => system),
      ['ramdisk', 'ramdisk'],
      'it was deployed and cleaned, and never booted its disk',
    );
    await expectUnreadable(here.machine.plan.diskFile);

    const anew = await deploy(here, 'anew', image.id);
    assert.equal((await fixture.untilServer(anew, ({ status }) => status !== 'BUILD')).status, 'ACTIVE');
    await deleteServer(fixture, anew);
    await fixture.untilNode(here.node, ({ reservation }) => reservation === null);
  });
});

describe('BMCs', options, () => {
  test('a BMC that rejects the password', { timeout }, async () => {
    const here = await corner(fixture, 2, flavorId);
    await here.machine.setBmcProfile({ refusePassword: true });
    await here.machine.restartBmc();
    const id = await deploy(here, 'refused', whole.id);
    const server = await expectError(here, id, /The BMC at 127\.0\.0\.1.* rejected the user name or password/);
    assert.match(server.fault?.details ?? '', /Failed in step "Power off"\..*Correct the credentials in driver_info/);
    await expectOutOfService(here, /rejected the user name or password.*may still hold a tenant's data/);

    // When the password is correct again, the operator restores the node.
    await here.machine.setBmcProfile({ refusePassword: false });
    const states = `/nodes/${here.node}/states/provision`;
    for (const [target, state] of [
      ['manage', 'manageable'],
      ['provide', 'available'],
    ]) {
      await fixture.cloud.bareMetal(states, { method: 'PUT', body: { target } });
      await fixture.untilNode(here.node, ({ provision_state, reservation }) => provision_state === state && reservation === null);
    }
    assert.equal((await fixture.node(here.node)).maintenance, false);
  });

  test('a BMC that stops responding while the machine boots the ramdisk', { timeout }, async () => {
    const here = await corner(fixture, 3, flavorId);
    const booted = here.machine.until((news) => news.what === 'boot');
    const id = await deploy(here, 'silent', whole.id);
    await booted;
    await here.machine.setBmcProfile({ silent: true });
    const server = await expectError(here, id, /The BMC at 127\.0\.0\.1.* did not respond \(\d+ attempts in [\d.]+ s\)/);
    assert.match(
      server.fault?.details ?? '',
      /Failed in step "Set boot from disk"\. Check its network cable, its power and the address in driver_info/,
    );
    await expectOutOfService(here, /did not respond/);
  });
});

describe('ramdisks', options, () => {
  test('a ramdisk that cannot export its disk reports why', { timeout }, async () => {
    const here = await corner(fixture, 4, flavorId);
    await here.machine.stripRamdisk();
    const id = await deploy(here, 'stripped', classic.id);
    const server = await expectError(here, id, /The deploy ramdisk reported an error: tgtd did not run: .*ENOENT/);
    assert.match(server.fault?.details ?? '', /Failed in step "Wait for the deploy ramdisk"/);
    await expectUsable(here, /tgtd did not run/);
    await expectUnreadable(here.machine.plan.diskFile);
  });

  test('the deploy helper rejects a wrong key, another sender, and a replay', { timeout }, async () => {
    const here = await corner(fixture, 5, flavorId);
    const booted = here.machine.until((news) => news.what === 'boot');
    const id = await deploy(here, 'keyed', classic.id);
    const boot = await booted;
    const { namespace } = here.machine.plan;
    const fields = postOf(here.machine, boot.what === 'boot' ? boot.line : '');
    assert.match(fields.k, /^[0-9a-f]{32}$/);

    const post = (form: Record<string, string>, from = namespace) => postFrom(from, form);
    const wrong = await post({ ...fields, k: fields.k.replace(/.$/, (last) => (last === '0' ? '1' : '0')), e: 'forged' });
    assert.deepEqual([wrong.status, /key is not match/.test(wrong.text)], [400, true], wrong.text);
    const refused = await post({ ...fields, e: 'forged' }, fixture.network.server);
    assert.deepEqual([refused.status, /parameter 'a' is/.test(refused.text)], [400, true], refused.text);
    const bare = await post({ i: fields.i, a: fields.a, n: fields.n });
    assert.deepEqual([bare.status, /parameter 'k' is not defined/.test(bare.text)], [400, true], bare.text);

    const server = await fixture.untilServer(id, ({ status }) => status !== 'BUILD');
    assert.deepEqual([server.status, server.fault], ['ACTIVE', undefined], 'none of them did harm');
    const replay = await post(fields);
    assert.deepEqual([replay.status, /key is not match/.test(replay.text)], [400, true], replay.text);
    assert.equal((await fixture.server(id)).status, 'ACTIVE');
  });

  test('a server deleted during its deployment', { timeout }, async () => {
    const here = await corner(fixture, 6, flavorId);
    const booted = here.machine.until((news) => news.what === 'boot');
    const id = await deploy(here, 'unwanted', whole.id);
    await booted;
    await deleteServer(fixture, id);
    await expectUsable(here, /^$/);
    await assert.rejects(fixture.server(id), { status: 404 });
    assert.deepEqual(await portsOf(fixture, id), []);
    await expectUnreadable(here.machine.plan.diskFile);
  });
});

describe('short grace period', options, () => {
  test('an agent that never reports', { timeout }, async (t) => {
    const fixture = await openCrashFixture({ name: 'faults-deaf', settings: { 'deploy.agent_timeout': '2' } });
    t.after(() => fixture.close());
    const here = await corner(fixture, 0, await smallFlavor(fixture));
    const image = await uploadWholeDisk(fixture, 'whole', sizes);
    await here.machine.setNic('dead');
    const id = await deploy(here, 'unheard', image.id);
    const reported =
      /'Wait for the ramdisk' timed out after 2 s: waited for the ramdisk to report\. Last activity: nothing from this machine/;
    const server = await expectError(here, id, reported);
    assert.match(server.fault?.details ?? '', /Nothing was heard of its MAC addresses: check that the enrolled MACs are right/);
    await expectUsable(here, reported);
    assert.deepEqual(
      here.machine.news.map((news) => (news.what === 'power' ? news.state : news.what)),
      ['on', 'halted', 'off'],
    );
    assert.deepEqual(await bootFiles(fixture), { files: [], plans: [] });
  });

  test('a kernel that panics before its ramdisk runs, on a recorded console', { timeout }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'ingot-faults-console-'));
    const fixture = await openCrashFixture({ name: 'faults-panic', settings: { 'console.folders': folder } });
    t.after(async () => {
      await fixture.close();
      await rm(folder, { recursive: true });
    });
    const here = await corner(fixture, 0, await smallFlavor(fixture));
    const console = join(folder, 'machine.log');
    await writeFile(console, 'an earlier boot\r\nKernel panic - not syncing: an earlier one\r\n');
    const body = [
      { op: 'add', path: '/driver_info/console_file', value: console },
      { op: 'replace', path: '/console_interface', value: 'file' },
    ];
    await fixture.cloud.bareMetal(`/nodes/${here.node}`, { method: 'PATCH', body });
    const image = await uploadWholeDisk(fixture, 'whole', sizes);
    await here.machine.setNic('dead');
    const id = await deploy(here, 'panicking', image.id);
    await untilEvent(fixture, id, ({ message }) => message.startsWith('Wait for the ramdisk: waiting for'));
    await appendFile(console, '[    1.513283] Initramfs unpacking failed: invalid magic at start of compressed archive\r\n');
    await appendFile(
      console,
      '[    3.253350] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n',
    );
    const reported =
      /Its console says: "Initramfs unpacking failed: .* … Kernel panic - not syncing: VFS: Unable to mount root fs/;
    const server = await expectError(here, id, reported);
    assert.match(server.fault?.details ?? '', /Failed in step "Wait for the ramdisk"\. The ramdisk file is damaged, or is none/);
    await expectUsable(here, reported);
  });

  test('an agent that falls silent while it writes the image', { timeout }, async (t) => {
    const fixture = await openCrashFixture({ name: 'faults-mute', settings: { 'deploy.silence_timeout': '5' } });
    t.after(() => fixture.close());
    const here = await corner(fixture, 0, await smallFlavor(fixture));
    const image = await uploadWholeDisk(fixture, 'large', { mib: 300, dataMib: 256 });
    const id = await deploy(here, 'mute', image.id);
    await untilEvent(fixture, id, ({ message }) => message.startsWith('started fetching /agent/v2/images/'));
    await here.machine.killAgent();
    const server = await expectError(here, id, /The agent on the machine failed to write-image: the agent fell silent 5 s ago/);
    assert.match(server.fault?.details ?? '', /Failed in step "Write the image"/);
    await expectUsable(here, /fell silent/);
    await expectUnreadable(here.machine.plan.diskFile);
  });
});

/** A shared stage: a restart of Ingot for one machine also affects the deployments of the others. */
describe('BMCs that recover', options, () => {
  let fixture: CrashFixture;
  let corners: Corner[];
  let imageId: string;
  if (isRoot) before(openTroubled);
  if (isRoot) after(() => fixture?.close());

  async function openTroubled(): Promise<void> {
    fixture = await openCrashFixture({ name: 'faults-bmc', machines: 4, settings: { 'power.timeout': '15' } });
    const flavorId = await smallFlavor(fixture);
    corners = [];
    for (const index of [0, 1, 2, 3]) corners.push(await corner(fixture, index, flavorId));
    imageId = (await uploadWholeDisk(fixture, 'whole', sizes)).id;
  }

  async function expectActive(id: string): Promise<void> {
    const server = await fixture.untilServer(id, ({ status }) => status !== 'BUILD');
    assert.deepEqual([server.status, server.fault], ['ACTIVE', undefined]);
  }

  test('one with a single session, which a killed Ingot left behind', { timeout }, async () => {
    const here = corners[0]!;
    await here.machine.setBmcProfile({ sessionLimit: 1 });
    await here.machine.restartBmc();
    const booted = here.machine.until((news) => news.what === 'boot');
    const id = await deploy(here, 'starved', imageId);
    await booted;
    await fixture.ingot.kill();
    await expectActive(id);
    assert.equal((await here.machine.untilBooted('disk')).system, 'disk');
  });

  test('one that restarts during the deployment and is silent for 20 s', { timeout }, async () => {
    const here = corners[1]!;
    const booted = here.machine.until((news) => news.what === 'boot');
    const id = await deploy(here, 'restarted', imageId);
    await booted;
    await here.machine.setBmcProfile({ silent: true });
    await delay(20_000);
    await here.machine.restartBmc();
    await here.machine.setBmcProfile({ silent: false });
    await expectActive(id);
    assert.equal((await here.machine.untilBooted('disk')).system, 'disk');
  });

  test('one that replies before it acts', { timeout }, async () => {
    const here = corners[2]!;
    await here.machine.setBmcProfile({ actsAfterMs: 4000 });
    await expectActive(await deploy(here, 'hasty', imageId));
    assert.equal((await here.machine.untilBooted('disk')).system, 'disk');
  });

  test('detects one that reports success without effect', { timeout }, async () => {
    const here = corners[3]!;
    await here.machine.setBmcProfile({ acceptsWithoutEffect: true });
    const reported = /The machine did not reach power on within 15 s; it is still power off/;
    await expectError(here, await deploy(here, 'idle', imageId), reported);
    await expectUsable(here, reported);
  });
});

/** What the ramdisk would send to the deploy helper, from its kernel line. */
function postOf({ plan }: RackMachine, line: string) {
  const word = (name: string) => new RegExp(`(?:^| )${name}=(\\S+)`).exec(line)?.[1] ?? '';
  const [i, k, n] = [word('deployment_id'), word('deployment_key'), word('iscsi_target_iqn')];
  return { i, k, a: plan.address, n, p: '3260', l: '1' };
}

async function postFrom(namespace: string, fields: Record<string, string>): Promise<{ status: number; text: string }> {
  const curl = ['curl', '-s', '-w', '\n%{http_code}', '-d', new URLSearchParams(fields).toString()];
  const [program, ...args] = insideNamespace(namespace, [...curl, `http://${serverAddress}:10000/`]);
  const { stdout } = await run(program, args);
  const lines = stdout.trim().split('\n');
  return { status: Number(lines.at(-1)), text: lines.slice(0, -1).join('\n') };
}

test('200 concurrent creates on 50 nodes give 50 servers and 150 errors with the reason', { timeout }, async (t) => {
  const stateDir = await mkdtemp(join(tmpdir(), 'ingot-rush-'));
  t.after(() => rm(stateDir, { recursive: true, force: true }));
  const flags = { state_dir: stateDir, 'api.listen': '127.0.0.1:0', 'log.level': 'warn' };
  const running = await serve(readSettings({ flags }));
  t.after(() => running.close());
  const cloud = await logIn(running.url, stateDir);
  const nodes = Array.from({ length: 50 }, (_, index) => enrolFake(cloud, index));
  const uuids = new Set(await Promise.all(nodes));
  const flavorRef = await createFlavor(cloud, 'small', {});
  const facts = { cidr: '192.0.2.0/24', gateway: '192.0.2.1', first: '192.0.2.10', last: '192.0.2.200' };
  const network = await createNetwork(cloud, 'net', facts);
  const { raw } = await makeWholeDisk(stateDir, 'disk', { mib: 8, dataMib: 1 });
  const imageRef = await uploadImage(cloud, { name: 'disk', path: raw, disk_format: 'raw', container_format: 'bare' });

  const create = async (index: number) => {
    const body = { server: { name: `rush${index}`, imageRef, flavorRef, networks: [{ uuid: network }] } };
    return (await cloud.compute<{ server: { id: string } }>('/servers', { method: 'POST', body })).server.id;
  };
  const ids = await Promise.all(Array.from({ length: 200 }, (_, index) => create(index)));
  assert.equal(new Set(ids).size, 200);
  const servers = await Promise.all(ids.map((id) => untilBuilt(cloud, id)));

  const active = servers.filter(({ status }) => status === 'ACTIVE');
  const refused = servers.filter(({ status }) => status === 'ERROR');
  assert.deepEqual([active.length, refused.length], [50, 150]);
  assert.deepEqual(new Set(active.map((server) => server['OS-EXT-SRV-ATTR:hypervisor_hostname'])), uuids);
  for (const { fault } of refused) {
    const [, total, counts] = /^No valid host was found\. Of (\d+) nodes: (.+)$/.exec(fault?.message ?? '') ?? [];
    const sum = [...(counts ?? '').matchAll(/\b(\d+) /g)].reduce((all, [, count]) => all + Number(count), 0);
    assert.deepEqual([total, sum], ['50', 50], fault?.message ?? 'no fault');
  }
});

async function enrolFake(cloud: CloudClient, index: number): Promise<string> {
  const properties = { cpus: 2, memory_mb: 2048, local_gb: 8, cpu_arch: 'x86_64' };
  const body = { name: `fake${index}`, driver: 'fake-hardware', properties, resource_class: 'baremetal' };
  const { uuid } = await cloud.bareMetal<{ uuid: string }>('/nodes', { method: 'POST', body });
  const address = `52:54:00:1d:00:${index.toString(16).padStart(2, '0')}`;
  await cloud.bareMetal('/ports', { method: 'POST', body: { node_uuid: uuid, address } });
  for (const [target, state] of [
    ['manage', 'manageable'],
    ['provide', 'available'],
  ] as const) {
    await cloud.bareMetal(`/nodes/${uuid}/states/provision`, { method: 'PUT', body: { target } });
    await untilNode(cloud, uuid, state);
  }
  return uuid;
}

async function untilBuilt(cloud: CloudClient, id: string): Promise<ServerView> {
  const server = await showServer(cloud, id);
  return server.status === 'BUILD' ? (await followServer(cloud, id, () => {})).server : server;
}
