/** A whole real rack, but no boot: that is test/whole/lab.test.ts. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { toolsFor } from '#test/rack-tools.ts';
import { runsGuest } from './kvm-probe.ts';
import { insideNamespace, lowerNetwork, namespaceFile, processesIn } from './network.ts';
import { connectRack, type Rack, type StartOptions, startRack, takeDownRack } from './rack.ts';
import { startIngot } from './start-ingot.ts';

const run = promisify(execFile);
const needs = ['ip', 'qemu-system-x86_64', 'ipmitool', 'dnsmasq', 'setpriv'];
const paths = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const missing = needs.filter((tool) => !paths.some((path) => existsSync(join(path, tool))));
const skip = process.getuid?.() !== 0 ? 'needs root' : missing.length > 0 ? `needs ${missing.join(', ')}` : false;
let racks = 0;

/** Each test has its own rack, namespace and folder; the end of the test checks that they are gone. */
async function withRack(options: StartOptions, use: (rack: Rack) => Promise<void>): Promise<void> {
  racks += 1;
  const stateDir = mkdtempSync(join(tmpdir(), 'ingot-rack-'));
  const namespace = `ingot-lab-test-${process.pid}-${racks}`;
  try {
    const rack = await startRack({ machines: 1, acceleration: 'tcg', memory: 128, ...options, stateDir, namespace });
    await use(rack);
    await rack.stop();
    assert.equal(existsSync(namespaceFile(namespace)), false);
  } finally {
    await takeDownRack(stateDir, namespace);
    rmSync(stateDir, { recursive: true });
  }
}

test('ipmitool switches a server on and off, and the rack records it', { skip }, async () => {
  await withRack({ machines: 2 }, async (rack) => {
    assert.deepEqual(
      (await rack.status()).map(({ name, power }) => [name, power]),
      [
        ['machine-1', 'off'],
        ['machine-2', 'off'],
      ],
    );

    await toolsFor(rack).ipmi('chassis', 'power', 'on');
    assert.match(await toolsFor(rack).ipmi('chassis', 'power', 'status'), /is on/);
    const [first, second] = await rack.status();
    assert.deepEqual([first?.state, first?.starts, second?.state], ['on', 1, 'off']);
    assert.ok(processesIn(rack.record.namespace).includes(first?.pid ?? 0));

    await rack.power('machine-1', 'off');
    assert.match(await toolsFor(rack).ipmi('chassis', 'power', 'status'), /is off/);
  });
});

test('a reset restarts the firmware, and consumes an override for one boot', { skip }, async () => {
  await withRack({ bootOrder: ['network', 'disk'] }, async (rack) => {
    await rack.power('machine-1', 'on');
    await rack.setBoot('machine-1', 'disk');
    await rack.power('machine-1', 'reset');
    await rack.power('machine-1', 'cycle');

    const orders = readFileSync(rack.machines[0]!.console, 'latin1').match(/boot order [a-z, ]+/g);
    assert.deepEqual(orders, ['boot order network, disk ', 'boot order disk, network ', 'boot order network, disk ']);
    assert.equal((await rack.status())[0]?.starts, 3);
  });
});

test('UEFI firmware boots by HTTP on request, and by PXE again', { skip }, async () => {
  await withRack({ uefi: 1, memory: 256 }, async (rack) => {
    const begins = [
      ['http', /Start HTTP Boot over IPv4/],
      ['pxe', /Start PXE over IPv4/],
    ] as const;
    for (const [way, said] of begins) {
      await rack.setNetworkBoot('machine-1', way);
      await rack.power('machine-1', 'on');
      await toolsFor(rack).printed(said);
      assert.equal((await rack.status())[0]?.network_boot, way);
      await rack.power('machine-1', 'off');
    }
    // There must be no output of the other boot method before it.
    const starts = readFileSync(rack.machines[0]!.console, 'latin1').match(/Start (HTTP Boot|PXE) over IPv4/g);
    assert.deepEqual(starts, ['Start HTTP Boot over IPv4', 'Start PXE over IPv4']);
  });
});

test('changes media while a server runs and while it is off', { skip }, async () => {
  await withRack({}, async (rack) => {
    const image = join(rack.record.state_dir, 'a,b.iso');
    writeFileSync(image, Buffer.alloc(2 << 20));
    const media = async () => (await rack.status())[0]?.media;

    await rack.changeMedium('machine-1', 'disk', image);
    await rack.power('machine-1', 'on');
    await rack.changeMedium('machine-1', 'cdrom', image);
    assert.deepEqual(await media(), { disk: image, cdrom: image });
    await rack.changeMedium('machine-1', 'disk', null);
    await rack.changeMedium('machine-1', 'floppy', image);
    await rack.changeMedium('machine-1', 'floppy', image);
    assert.deepEqual(await media(), { cdrom: image, floppy: image });

    await assert.rejects(rack.changeMedium('machine-1', 'cdrom', `${image}.gone`), /ENOENT/);
    await assert.rejects(rack.changeMedium('machine-1', 'cdrom', rack.record.state_dir), /blockdev-change-medium/);
    assert.deepEqual(await media(), { cdrom: image, floppy: image });
    await rack.power('machine-1', 'cycle');
    assert.equal((await rack.status())[0]?.last_error, null);
  });
});

test('a restarted rack keeps boot overrides, media and kind of network boot if it keeps its disks', {
  skip,
}, async () => {
  await withRack({ machines: 2, uefi: 1 }, async (rack) => {
    const { namespace, state_dir: stateDir } = rack.record;
    await rack.setBoot('machine-1', 'pxe', { persistent: true });
    await rack.setBoot('machine-2', 'cdrom');
    await rack.setNetworkBoot('machine-2', 'http');
    await assert.rejects(rack.setNetworkBoot('machine-1', 'http'), /machine-1 has a BIOS, which knows no HTTP boot/);
    await rack.changeMedium('machine-2', 'cdrom', '/usr/lib/ipxe/ipxe.iso');
    const vars = join(stateDir, 'machine-2', 'uefi-vars.fd');
    writeFileSync(vars, 'changed');
    const facts = async (rack: Rack) =>
      (await rack.status()).map((each) => [each.firmware, each.network_boot, each.boot_override, each.media]);
    const before = await facts(rack);
    assert.deepEqual(before[1], ['uefi', 'http', { device: 'cdrom', persistent: false }, { cdrom: '/usr/lib/ipxe/ipxe.iso' }]);

    await rack.stop();
    const options = { machines: 2, uefi: 1, namespace, stateDir, acceleration: 'tcg' } as const;
    const again = await startRack({ ...options, keepDisks: true });
    assert.deepEqual(await facts(again), before);
    assert.equal(readFileSync(vars, 'utf8'), 'changed');

    await again.stop();
    const fresh = await startRack(options);
    assert.deepEqual(await facts(fresh), [
      ['bios', 'pxe', null, {}],
      ['uefi', 'pxe', null, {}],
    ]);
    assert.equal(statSync(vars).size, 540_672);
    await fresh.stop();
  });
});

test('a QEMU that exits leaves a server that is off, with the reason', { skip }, async () => {
  await withRack({}, async (rack) => {
    await rack.power('machine-1', 'on');
    const off = rack.untilState('machine-1', 'off');
    process.kill((await rack.status())[0]!.pid!, 'SIGKILL');
    await off;

    assert.equal((await rack.status())[0]?.power, 'off');
  });
});

test('changes the profile of a running BMC', { skip }, async () => {
  await withRack({}, async (rack) => {
    await rack.setBmcProfile('machine-1', { refusePassword: true });
    await assert.rejects(toolsFor(rack).ipmi('chassis', 'power', 'status'));
    await rack.setBmcProfile('machine-1', { refusePassword: false });
    assert.match(await toolsFor(rack).ipmi('chassis', 'power', 'status'), /is off/);

    await assert.rejects(rack.setBmcProfile('machine-1', { polite: true }), /no 'polite'/);
    await assert.rejects(rack.power('machine-9', 'on'), /no machine 'machine-9'; there are machine-1/);
  });
});

/** Queries the first server's BMC by Redfish, from inside, and trusts only the fingerprint in the record. */
async function redfish(rack: Rack, method: string, path: string, body: object = {}): Promise<{ status: number; body: never }> {
  const { bmc, redfish: face } = rack.machines[0]!;
  const program = `
    import { request } from 'node:https';
    const { url, method, auth, body, fingerprint } = JSON.parse(process.env.ASK);
    const asked = request(url, { method, auth, rejectUnauthorized: false }, async (reply) => {
      const seen = reply.socket.getPeerCertificate().fingerprint256.replaceAll(':', '').toLowerCase();
      if (seen !== fingerprint) throw new Error('another certificate: ' + seen);
      let text = '';
      for await (const chunk of reply) text += chunk;
      console.log(JSON.stringify({ status: reply.statusCode, body: text ? JSON.parse(text) : null }));
    });
    asked.end(method === 'GET' ? undefined : JSON.stringify(body));`;
  const question = {
    url: face!.address + path,
    method,
    auth: `${bmc.user}:${bmc.password}`,
    body,
    fingerprint: face!.fingerprint,
  };
  const [node, ...args] = insideNamespace(rack.record.namespace, [process.execPath, '--input-type=module', '-e', program]);
  const { stdout } = await run(node, args, { env: { ...process.env, ASK: JSON.stringify(question) } });
  return JSON.parse(stdout);
}

test('IPMI and Redfish show the same BMC, of the vendor chosen at the start', { skip }, async () => {
  await withRack({ profiles: { 'machine-1': 'vendor-idrac' } }, async (rack) => {
    const system = rack.machines[0]!.redfish!.system_id;
    assert.equal(system, '/redfish/v1/Systems/System.Embedded.1');

    const on = await redfish(rack, 'POST', `${system}/Actions/ComputerSystem.Reset`, { ResetType: 'On' });
    assert.equal(on.status, 204);
    assert.match(await toolsFor(rack).ipmi('chassis', 'power', 'status'), /is on/);
    await toolsFor(rack).ipmi('chassis', 'bootdev', 'pxe', 'options=persistent');
    const { PowerState, Boot } = (await redfish(rack, 'GET', system)).body;
    const { BootSourceOverrideTarget, BootSourceOverrideEnabled } = Boot as Record<string, string>;
    assert.deepEqual([PowerState, BootSourceOverrideTarget, BootSourceOverrideEnabled], ['On', 'Pxe', 'Continuous']);

    const medium = `${rack.machines[0]!.redfish!.address}/redfish`;
    const insert = `${system}/VirtualMedia/1/Actions/VirtualMedia.InsertMedia`;
    assert.equal((await redfish(rack, 'POST', insert, { Image: medium })).status, 204);
    const { cdrom } = (await rack.status())[0]!.media;
    assert.match(readFileSync(cdrom!, 'utf8'), /redfish/);
    const drive = async () => (await redfish(rack, 'GET', `${system}/VirtualMedia/1`)).body;
    assert.equal((await drive())['Image'], medium);
    await rack.changeMedium('machine-1', 'cdrom', cdrom!);
    assert.equal((await drive())['Image'], `file://${cdrom}`);
    await rack.changeMedium('machine-1', 'cdrom', null);
    assert.equal((await drive())['Inserted'], false);

    await rack.setBmcProfile('machine-1', { profile: 'refuses-password' });
    assert.equal((await redfish(rack, 'GET', '/redfish/v1/Systems/1')).status, 401);
    await assert.rejects(toolsFor(rack).ipmi('chassis', 'power', 'status'));
    await assert.rejects(rack.setBmcProfile('machine-1', { profile: 'polite' }), /no profile 'polite'/);
  });
});

test('keeps passwords private to the owner, out of process arguments, and stable', { skip }, async () => {
  await withRack({}, async (rack) => {
    const { password } = rack.machines[0]!.bmc;
    await rack.power('machine-1', 'on');

    assert.equal(statSync(join(rack.record.state_dir, 'rack.json')).mode & 0o777, 0o600);
    const words = processesIn(rack.record.namespace).map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
    assert.ok(words.length >= 2 && words.every((line) => !line.includes(password)));

    await rack.stop();
    const { namespace, state_dir: stateDir } = rack.record;
    const again = await startRack({ machines: 1, namespace, stateDir });
    assert.equal(again.machines[0]!.bmc.password, password);
    await again.stop();
  });
});

test('a killed rack ends its servers, and can be removed', { skip }, async () => {
  await withRack({ detached: true }, async (rack) => {
    await rack.power('machine-1', 'on');
    const { namespace, state_dir } = rack.record;
    const holder = processesIn(namespace).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('rack-process'));
    const foreign = rack.spawn(['sleep', '600']);

    process.kill(holder!, 'SIGKILL');
    await takeDownRack(state_dir);

    assert.deepEqual(processesIn(namespace), []);
    assert.equal(existsSync(namespaceFile(namespace)), false);
    assert.equal(await connectRack(state_dir), undefined);
    if (foreign.signalCode === null) await once(foreign, 'exit');
    assert.equal(foreign.signalCode, 'SIGTERM');
  });
});

test('a rack ends with the program that started it, even if killed', { skip }, async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'ingot-rack-'));
  const namespace = `ingot-lab-test-${process.pid}-owner`;
  const program = `
    import { startRack } from '${new URL('rack.ts', import.meta.url)}';
    const rack = await startRack(${JSON.stringify({ machines: 1, stateDir, namespace, acceleration: 'tcg' })});
    await rack.power('machine-1', 'on');
    console.log('up');`;
  const owner = spawn(process.execPath, ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(createInterface({ input: owner.stdout }), 'line');
    const rack = await connectRack(stateDir);
    const end = new Promise<void>((resolve) => rack!.whenDown(resolve));
    owner.kill('SIGKILL');
    await end;

    assert.equal(existsSync(namespaceFile(namespace)), false);
  } finally {
    await lowerNetwork(namespace);
    rmSync(stateDir, { recursive: true });
  }
});

test('does not touch a namespace in use', { skip }, async () => {
  await withRack({}, async (rack) => {
    const { namespace } = rack.record;
    await assert.rejects(startRack({ namespace, stateDir: join(rack.record.state_dir, 'other') }), /is in use by process \d+/);
    assert.equal((await rack.status()).length, 1);
  });
});

test('Ingot inside the namespace is reachable from outside, on the same port after a crash', { skip }, async () => {
  await withRack({}, async (rack) => {
    const program = `
      import { readlinkSync } from 'node:fs';
      import { createServer } from 'node:http';
      const answer = () => JSON.stringify({ net: readlinkSync('/proc/self/ns/net'), listen: process.env.INGOT_API_LISTEN });
      createServer((_, reply) => reply.end(answer())).listen({ fd: 3 }, () => console.log('Ingot serves a test'));`;
    const command = [process.execPath, '--input-type=module', '-e', program];
    const ingot = await startIngot({ namespace: rack.record.namespace, stateDir: rack.record.state_dir, command });
    const { url } = ingot;
    const seen = async () => (await (await fetch(url)).json()) as Record<string, string>;

    const inode = statSync(namespaceFile(rack.record.namespace)).ino;
    assert.deepEqual(await seen(), { net: `net:[${inode}]`, listen: 'fd:3' });
    await ingot.kill();
    await assert.rejects(fetch(url));
    await ingot.start();
    assert.equal(ingot.url, url);
    assert.equal((await seen())['listen'], 'fd:3');
    await ingot.stop();
  });
});

test('reports an Ingot that cannot start', { skip }, async () => {
  await withRack({}, async (rack) => {
    const { namespace, state_dir: stateDir } = rack.record;
    await assert.rejects(startIngot({ namespace, stateDir, command: ['false'] }), /did not start: it ended with 1/);
  });
});

test('runs the probe guest under TCG', { skip }, async () => {
  assert.equal(await runsGuest('tcg'), true);
});
