import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { aVBoxManage, aVirsh, type StandIn } from '#test/a-hypervisor.ts';
import { aNode, aNodePort } from '#test/a-task.ts';
import { anSshHost, password, withoutSshd } from '#test/an-ssh-host.ts';
import { fingerprintOf } from '#tools/ssh-files.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createVirtualPowerDriver, type VirtualPowerDefaults } from './index.ts';

const none: VirtualPowerDefaults = {
  ...{ ssh_host: '', ssh_port: 22, type: 'virsh', host_user: '', host_pass: '', host_key: '', known_hosts: '' },
  libvirt_uri: 'qemu:///system',
};

const mac = '52:54:00:aa:bb:01';
const uuidOf = (digit: string) => `${digit.repeat(8)}-1111-4111-8111-${digit.repeat(12)}`;
const [one, two, ten] = [uuidOf('1'), uuidOf('2'), uuidOf('a')];
/** A machine name full of shell metacharacters. */
const odd = `-rf it's "a" test; $(touch pwned) & \`id\` <vm> 1`;

async function aFixture(t: TestContext, defaults: Partial<VirtualPowerDefaults> = {}) {
  const host = await anSshHost();
  const directory = mkdtempSync(join(tmpdir(), 'vp-'));
  const driver = createVirtualPowerDriver(directory, { ...none, ...defaults });
  t.after(async () => {
    await driver.close();
    rmSync(directory, { recursive: true });
    await host.remove();
  });
  const virsh = aVirsh(host.bin, host.folder);
  const vbox = aVBoxManage(host.bin, host.folder);
  const info = {
    ssh_address: '127.0.0.1',
    ssh_port: String(host.port),
    ssh_username: host.user,
    ssh_key_filename: host.keyFile,
    ssh_host_key: host.hostKey,
  };
  const node = (more: JsonObject = {}, macs = [mac]) => aFact({ ...info, ...more }, macs);
  return { host, driver, power: driver.power, virsh, vbox, node };
}

function aFact(driver_info: JsonObject, macs = [mac]): NodeFacts {
  return { ...aNode({ driver_info, power_state: null }), ports: macs.map((address) => aNodePort({ address })) };
}

const faultOf = async (work: Promise<unknown>): Promise<Fault> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Fault, String(error));
  return error;
};

for (const type of ['virsh', 'vbox'] as const) {
  const pick = (fixture: { virsh: StandIn; vbox: StandIn }) => fixture[type];
  const words = { virsh: { off: 'shut off', on: 'running' }, vbox: { off: 'poweroff', on: 'running' } }[type];

  test(`${type}: switches only the machine with the node's MAC`, { skip: withoutSshd }, async (t) => {
    const fixture = await aFixture(t);
    const [machines, node] = [pick(fixture), fixture.node({ ssh_virt_type: type })];
    machines.add({ uuid: two, name: 'vm1', macs: ['52:54:00:aa:bb:02'] });
    machines.add({ uuid: one, name: odd, macs: ['52:54:00:aa:bb:10', mac.toUpperCase()] });
    machines.add({ uuid: ten, name: 'vm10', macs: [] });
    const { power } = fixture;

    assert.equal(await power.getPower(node), 'power off');
    await power.setPower(node, 'power on');
    assert.equal(await power.getPower(node), 'power on');
    await power.setPower(node, 'reset');
    assert.equal(machines.state(one), words.on);
    await power.setPower(node, 'soft power off');
    assert.equal(await power.getPower(node), 'power off');
    await power.setPower(node, 'power on');
    await power.setPower(node, 'power off');

    assert.deepEqual([machines.state(one), machines.state(two)], [words.off, words.off]);
    assert.equal(fixture.host.logins(), 1);
    assert.ok(machines.calls().every((call) => !call.some((word) => word.includes('touch'))));
  });

  test(`${type}: reads the list of machines once, and again for a machine missing from it`, {
    skip: withoutSshd,
  }, async (t) => {
    const fixture = await aFixture(t);
    const [machines, node] = [pick(fixture), fixture.node({ ssh_virt_type: type })];
    machines.add({ uuid: one, name: 'a', macs: [mac] });
    await Promise.all(Array.from({ length: 20 }, () => fixture.power.getPower(node)));
    const described = machines.calls().filter(([command]) => command === 'dumpxml' || command === 'list');
    assert.ok(described.length <= 3, JSON.stringify(described));

    machines.remove(one);
    machines.add({ uuid: two, name: 'a', macs: [mac], state: words.on });
    assert.equal(await fixture.power.getPower(node), 'power on');
  });

  test(`${type}: accepts a command for the present state`, { skip: withoutSshd }, async (t) => {
    const fixture = await aFixture(t);
    const [machines, node] = [pick(fixture), fixture.node({ ssh_virt_type: type })];
    machines.add({ uuid: one, name: 'a', macs: [mac] });
    await fixture.power.setPower(node, 'power off');
    await assert.rejects(fixture.power.setPower(node, 'reset'), { code: 'bmcError', message: /not (currently )?running/ });
  });
}

test('maps every libvirt state but one to on or off', { skip: withoutSshd }, async (t) => {
  const { power, virsh, node } = await aFixture(t);
  virsh.add({ uuid: one, name: 'a', macs: [mac] });
  const expected = {
    running: 'on',
    idle: 'on',
    paused: 'on',
    'in shutdown': 'on',
    crashed: 'on',
    pmsuspended: 'on',
    'shut off': 'off',
  };
  for (const [state, on] of Object.entries(expected)) {
    virsh.setState(one, state);
    assert.equal(await power.getPower(node()), `power ${on}`, state);
  }
  virsh.setState(one, 'no state');
  assert.match((await faultOf(power.getPower(node()))).message, /'no state'/);
});

test('a VirtualBox machine whose state was saved boots when it is switched on', { skip: withoutSshd }, async (t) => {
  const { power, vbox, node } = await aFixture(t);
  vbox.add({ uuid: one, name: 'a', macs: [mac], state: 'saved' });
  const machine = node({ ssh_virt_type: 'vbox' });
  assert.equal(await power.getPower(machine), 'power off');
  await power.setPower(machine, 'power on');
  assert.deepEqual(
    vbox
      .calls()
      .slice(-2)
      .map(([command]) => command),
    ['discardstate', 'startvm'],
  );
});

test('discards a managed save of libvirt, which may fail', { skip: withoutSshd }, async (t) => {
  const { power, virsh, node, host } = await aFixture(t);
  virsh.add({ uuid: one, name: 'a', macs: [mac] });
  const saved = join(host.folder, 'virsh', 'machines', one, 'saved');
  writeFileSync(saved, '');
  await power.setPower(node(), 'power on');
  assert.deepEqual([virsh.state(one), existsSync(saved)], ['running', false]);
  await power.setPower(node(), 'power off');
  virsh.failOnce(
    'managedsave-remove',
    'error: this function is not supported by the connection driver: virDomainManagedSaveRemove',
  );
  await power.setPower(node(), 'power on');
  assert.equal(virsh.state(one), 'running');
});

test('retries to start a VirtualBox machine that is still locked', { skip: withoutSshd }, async (t) => {
  const { power, vbox, node } = await aFixture(t);
  vbox.add({ uuid: one, name: 'a', macs: [mac] });
  vbox.failOnce('startvm', "VBoxManage: error: The machine 'a' is already locked by a session (or being locked or unlocked)");
  await power.setPower(node({ ssh_virt_type: 'vbox' }), 'power on');
  assert.equal(vbox.state(one), 'running');
});

test('accepts that a VirtualBox machine already runs', { skip: withoutSshd }, async (t) => {
  const { power, vbox, node } = await aFixture(t);
  vbox.add({ uuid: one, name: 'a', macs: [mac], state: 'running' });
  await power.setPower(node({ ssh_virt_type: 'vbox' }), 'power on');
  const starts = vbox.calls().filter(([command]) => command === 'startvm');
  assert.equal(starts.length, 1);
});

test('reports missing and ambiguous machines', { skip: withoutSshd }, async (t) => {
  const { power, virsh, node } = await aFixture(t);
  const missing = await faultOf(power.getPower(node()));
  assert.deepEqual(
    [missing.code, /no machine has the MAC address 52:54:00:aa:bb:01/.test(missing.message)],
    ['driverInfo', true],
  );

  virsh.add({ uuid: one, name: odd, macs: [mac] });
  virsh.add({ uuid: two, name: 'copy', macs: ['52:54:00:aa:bb:02'] });
  const many = await faultOf(power.getPower(node({ libvirt_uri: 'qemu:///session' }, [mac, '52:54:00:aa:bb:02'])));
  assert.equal(many.code, 'driverInfo');
  assert.ok(many.message.includes(`${odd} and copy`), many.message);
});

test('reports what virsh rejects', { skip: withoutSshd }, async (t) => {
  const { power, virsh, node } = await aFixture(t);
  virsh.add({ uuid: one, name: 'a', macs: [mac] });
  virsh.failOnce(
    'start',
    "error: Failed to start domain 'a'\nerror: Cannot access storage file '/srv/a.qcow2': No such file or directory",
  );
  const fault = await faultOf(power.setPower(node(), 'power on'));
  assert.equal(fault.code, 'bmcError');
  assert.match(fault.message, /virsh start failed .*: Failed to start domain 'a', Cannot access storage file/);
});

test('reports a host without the program', { skip: withoutSshd }, async (t) => {
  const { power, host, node } = await aFixture(t);
  rmSync(join(host.bin, 'VBoxManage'));
  const fault = await faultOf(power.getPower(node({ ssh_virt_type: 'vbox' })));
  assert.match(fault.message, /VBoxManage list .*: the program is not installed/);
});

test('quotes words with quotes and spaces correctly', { skip: withoutSshd }, async (t) => {
  const { power, virsh, node, host } = await aFixture(t);
  virsh.add({ uuid: one, name: 'a', macs: [mac] });
  const libvirt_uri = `qemu+unix:///system?socket=/run/it's "one"; $(id) \\ %h`;
  await power.getPower(node({ libvirt_uri }));
  assert.ok(readFileSync(join(host.folder, 'virsh', 'calls'), 'utf8').includes(`--connect\u001f${libvirt_uri}\u001f`));
});

test('logs in by password or by key text, as pasted on a command line', { skip: withoutSshd }, async (t) => {
  const { power, virsh, node, host } = await aFixture(t);
  virsh.add({ uuid: one, name: 'a', macs: [mac] });
  const ssh_key_contents = readFileSync(host.keyFile, 'utf8').replaceAll('\n', '\\n');
  assert.equal(await power.getPower(node({ ssh_key_filename: null, ssh_key_contents })), 'power off');
  assert.equal(await power.getPower(node({ ssh_key_filename: null, ssh_password: password })), 'power off');
  const refused = await faultOf(power.getPower(node({ ssh_key_filename: null, ssh_password: 'wrong one' })));
  assert.deepEqual([refused.code, JSON.stringify(refused).includes('wrong one')], ['bmcRefused', false]);
});

test('sends nothing to an unknown host or one with another key', { skip: withoutSshd }, async (t) => {
  const { power, node, host } = await aFixture(t);
  for (const ssh_host_key of [null, `SHA256:${'A'.repeat(43)}`]) {
    const fault = await faultOf(power.getPower(node({ ssh_host_key })));
    assert.equal(fault.code, 'bmcUntrusted');
    assert.ok(fault.message.includes(fingerprintOf(host.hostKey)), fault.message);
  }
  assert.equal(host.logins(), 0);
});

test('reports a host that is down, and reconnects', { skip: withoutSshd }, async (t) => {
  const { power, virsh, node, host } = await aFixture(t);
  virsh.add({ uuid: one, name: 'a', macs: [mac] });
  await host.stop();
  const fault = await faultOf(power.getPower(node()));
  assert.deepEqual([fault.code, /127\.0\.0\.1 \(port \d+\)/.test(fault.message)], ['bmcUnreachable', true]);
  await host.start();
  assert.equal(await power.getPower(node()), 'power off');
});

test('uses the default host of the settings', { skip: withoutSshd }, async (t) => {
  const { host, virsh, driver } = await aFixture(t);
  await driver.close();
  virsh.add({ uuid: one, name: 'a', macs: [mac] });
  const known_hosts = join(host.folder, 'known');
  writeFileSync(known_hosts, `[127.0.0.1]:${host.port} ${host.hostKey}\n`);
  const site = { ...none, ssh_host: '127.0.0.1', ssh_port: host.port, host_user: host.user, host_pass: password, known_hosts };
  const other = createVirtualPowerDriver(join(host.folder, 'sockets'), site);
  t.after(() => other.close());
  assert.equal(await other.power.getPower(aFact({})), 'power off');
});

suite('driver_info of virtual power', () => {
  const driver = createVirtualPowerDriver('/tmp', none);
  const host = { ssh_address: '192.0.2.1', ssh_username: 'u', ssh_password: 'p' };
  const cases: Record<string, [JsonObject, RegExp]> = {
    'no address': [{}, /ssh_address is missing/],
    'an address that is an option': [{ ...host, ssh_address: '-oProxyCommand=x' }, /ssh_address must be/],
    'a user that is an option': [{ ...host, ssh_username: '-l' }, /ssh_username must be/],
    'a user with a shell in it': [{ ...host, ssh_username: 'a;id' }, /ssh_username must be/],
    'no user': [{ ...host, ssh_username: '' }, /ssh_username is missing/],
    'no secret': [{ ...host, ssh_password: '' }, /one of ssh_password, ssh_key_contents/],
    'a password of two lines': [{ ...host, ssh_password: 'a\nb' }, /ssh_password must be one line/],
    'a port out of range': [{ ...host, ssh_port: 70_000 }, /ssh_port must be/],
    'another hypervisor': [{ ...host, ssh_virt_type: 'xenserver' }, /ssh_virt_type must be virsh or vbox/],
    'a host key that is none': [{ ...host, ssh_host_key: 'trust me' }, /ssh_host_key must be/],
    'a list for a text': [{ ...host, ssh_password: ['x'] }, /ssh_password must be text/],
  };
  for (const [name, [info, expected]] of Object.entries(cases)) {
    test(`refuses ${name}`, () => {
      assert.throws(
        () => driver.power.validate(aFact(info)),
        (error) => error instanceof Fault && error.code === 'driverInfo' && expected.test(error.message),
      );
    });
  }

  test('rejects a node without ports', () => {
    assert.throws(() => driver.power.validate(aFact(host, [])), { code: 'driverInfo', message: /no port/ });
  });

  test('accepts host keys as files and programs print them', () => {
    const key = `ssh-ed25519 ${'A'.repeat(68)}`;
    for (const ssh_host_key of [key, `192.0.2.1 ${key}`, `# 192.0.2.1:22 SSH-2.0\n${key} root@host\nSHA256:${'b'.repeat(43)}`])
      driver.power.validate(aFact({ ...host, ssh_host_key }));
  });

  test('uses the secrets of the settings for no other host', () => {
    const site = createVirtualPowerDriver('/tmp', { ...none, ssh_host: '192.0.2.9', host_user: 'u', host_pass: 'p' });
    site.power.validate(aFact({}));
    assert.throws(() => site.power.validate(aFact({ ssh_address: '192.0.2.1' })), { code: 'driverInfo' });
  });

  test('does not let a node name a program for virsh', () => {
    for (const libvirt_uri of [
      'qemu+ext:///system?command=/tmp/x',
      'QEMU+EXT:///system',
      'qemu+ssh://h/system?no_verify=1&command=/tmp/x',
      'qemu+ssh://h/system?%63ommand=/tmp/x',
      'qemu+ssh://h/system?netcat=/tmp/x',
      '--version',
    ])
      assert.throws(() => driver.power.validate(aFact({ ...host, libvirt_uri })), { code: 'driverInfo', message: /programs/ });
    driver.power.validate(aFact({ ...host, libvirt_uri: 'qemu+unix:///session?socket=/run/x' }));
  });

  test('documents every key', () => {
    for (const [key, { help }] of Object.entries(driver.power.properties)) assert.ok(help.length > 10, key);
  });
});

test('an unknown state named like an object method needs no preparation', { skip: withoutSshd }, async (t) => {
  const { power, vbox, node } = await aFixture(t);
  vbox.add({ uuid: one, name: 'a', macs: [mac] });
  vbox.setState(one, 'constructor');
  await power.setPower(node({ ssh_virt_type: 'vbox' }), 'power on');
  assert.equal(vbox.state(one), 'running');
});
