import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { JsonObject } from '#domain/json.ts';
import { aNode } from '#test/a-task.ts';
import { ibootUser, startIboot } from '#test/an-iboot.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createIbootDriver } from './index.ts';
import { readIbootSettings } from './properties.ts';

const facts = (driver_info: JsonObject): NodeFacts => ({ ...aNode({ driver: 'iboot', driver_info }), ports: [] });

/** Timeouts in milliseconds. A slow device must not be mistaken for one that does not respond. */
const [calm, quick] = [10_000, 300];

async function setUp(t: TestContext, { relays = 2, timeout = calm } = {}) {
  const iboot = await startIboot(relays);
  t.after(() => iboot.close());
  const { power } = createIbootDriver({ timeout });
  const node = (relay: number, changes: JsonObject = {}) =>
    facts({
      iboot_address: `127.0.0.1:${iboot.port},${relay}`,
      iboot_username: ibootUser.user,
      iboot_password: ibootUser.password,
      ...changes,
    });
  return { iboot, power, node };
}

test('switches its relay and reads it back', async (t) => {
  const { iboot, power, node } = await setUp(t);
  assert.equal(await power.getPower(node(2)), 'power off');

  await power.setPower(node(2), 'power on');

  assert.equal(await power.getPower(node(2)), 'power on');
  assert.equal(await power.getPower(node(1)), 'power off');
  await power.setPower(node(2), 'power off');
  assert.deepEqual(iboot.relays, [false, false]);
  assert.deepEqual(
    iboot.asked.filter((asked) => asked !== 'get'),
    ['2 on', '2 off'],
  );
});

test('switches a machine with two power cords by both relays, and reports on while one is on', async (t) => {
  const { iboot, power, node } = await setUp(t, { relays: 3 });
  const both = node(1, { iboot_address: '127.0.0.1', iboot_port: iboot.port, iboot_relay_id: '1,3' });
  const notices: string[] = [];
  const ask = { notice: (message: string) => void notices.push(message) };
  await power.setPower(both, 'power on');
  assert.deepEqual(iboot.relays, [true, false, true]);
  assert.equal(await power.getPower(both, ask), 'power on');
  assert.deepEqual(notices, []);

  iboot.relays[2] = false;
  assert.equal(await power.getPower(both, ask), 'power on');
  assert.match(notices.join(), /fewer power cords than configured: relay 3 of the iBoot at 127\.0\.0\.1 \(port \d+\) is off/);

  await power.setPower(both, 'power off');
  assert.equal(await power.getPower(both), 'power off');
});

test('serializes requests of nodes on one device, and reads their states together', async (t) => {
  const { iboot, power, node } = await setUp(t, { relays: 8 });
  iboot.relays[4] = true;

  const states = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((relay) => power.getPower(node(relay))));
  await Promise.all([1, 2, 3].map((relay) => power.setPower(node(relay), 'power on')));

  assert.equal(states.indexOf('power on'), 4);
  assert.deepEqual(iboot.asked, ['get', '1 on', '2 on', '3 on']);
  assert.equal(iboot.mostAtOnce, 1);
});

suite('faults', () => {
  test('a device that does not reply', async (t) => {
    const { iboot, power, node } = await setUp(t, { timeout: quick });
    iboot.profile = { silent: true };
    await assert.rejects(power.getPower(node(1)), {
      code: 'bmcUnreachable',
      message: /^The iBoot at 127\.0\.0\.1 \(port \d+\) did not respond/,
    });
  });

  test('a device that is unreachable', async (t) => {
    const { iboot, power, node } = await setUp(t);
    await iboot.close();
    await assert.rejects(power.setPower(node(1), 'power on'), { code: 'bmcUnreachable' });
  });

  test('does not report a wrong password if the device closes the connection before the first request', async (t) => {
    const busy = createServer((socket) => socket.once('data', () => socket.destroy()));
    await once(busy.listen(0, '127.0.0.1'), 'listening');
    t.after(() => busy.close());
    const { power, node } = await setUp(t);
    const { port } = busy.address() as AddressInfo;
    await assert.rejects(power.getPower(node(1, { iboot_address: '127.0.0.1', iboot_port: port })), {
      code: 'bmcUnreachable',
    });
  });

  test('a wrong password, without quoting it', async (t) => {
    const { power, node } = await setUp(t);
    const error = await power.getPower(node(1, { iboot_password: 'open sesame' })).catch((error: Error) => error);
    assert.equal((error as { code?: string }).code, 'bmcConnectionClosed');
    assert.match(String(error), /user name or password/);
    assert.doesNotMatch(JSON.stringify(error) + String(error), /sesame/);
  });

  test('a relay that the device does not have', async (t) => {
    const { power, node } = await setUp(t);
    const [first, fourth] = await Promise.allSettled([power.getPower(node(1)), power.getPower(node(4))]);
    assert.equal(first.status, 'fulfilled');
    assert.match(String((fourth as PromiseRejectedResult).reason), /2 relays, and none of relay 4/);
    await assert.rejects(power.setPower(node(4), 'power on'), { code: 'bmcError', message: /status 1 for relay 4/ });
  });

  test('an abort ends the conversation, and the next one starts', async (t) => {
    const { iboot, power, node } = await setUp(t);
    iboot.profile = { silent: true };
    const callOptions = new AbortController();
    const given = power.setPower(node(1), 'power on', { signal: callOptions.signal });
    const waiting = power.setPower(node(2), 'power on', { signal: callOptions.signal });
    callOptions.abort(new Error('enough'));
    await assert.rejects(given, /enough/);
    await assert.rejects(waiting, /enough/);

    iboot.profile = {};

    assert.equal(await power.getPower(node(1)), 'power off');
  });
});

suite('driver_info', () => {
  const account = { iboot_username: 'admin', iboot_password: 'secret' };
  const good: [JsonObject, object][] = [
    [{ iboot_address: '192.0.2.1' }, { address: '192.0.2.1', port: 9100, relays: [1] }],
    [{ iboot_address: 'pdu-7.example:9200,3' }, { address: 'pdu-7.example', port: 9200, relays: [3] }],
    [{ iboot_address: '192.0.2.1,2' }, { address: '192.0.2.1', port: 9100, relays: [2] }],
    [
      { iboot_address: '192.0.2.1', iboot_port: 9300, iboot_relay_id: '8' },
      { address: '192.0.2.1', port: 9300, relays: [8] },
    ],
    [
      { iboot_address: '192.0.2.1,2', iboot_relay_id: 2 },
      { address: '192.0.2.1', port: 9100, relays: [2] },
    ],
    [{ iboot_address: '192.0.2.1,2,5' }, { address: '192.0.2.1', port: 9100, relays: [2, 5] }],
    [
      { iboot_address: '192.0.2.1', iboot_relay_id: '2, 5' },
      { address: '192.0.2.1', port: 9100, relays: [2, 5] },
    ],
    [{ iboot_address: '2001:db8::7' }, { address: '2001:db8::7', port: 9100, relays: [1] }],
    [{ iboot_address: '[2001:db8::7]:9200,2' }, { address: '2001:db8::7', port: 9200, relays: [2] }],
  ];
  for (const [info, expected] of good) {
    test(`takes ${JSON.stringify(info)}`, () => {
      const { address, port, relays } = readIbootSettings(facts({ ...account, ...info }));
      assert.deepEqual({ address, port, relays }, expected);
    });
  }

  const bad: [JsonObject, RegExp][] = [
    [{}, /iboot_address is missing/],
    [{ iboot_address: 'a:b,1' }, /HOST\[:PORT\]\[,RELAY\]/],
    [{ iboot_address: '192.0.2.1,x' }, /HOST\[:PORT\]\[,RELAY\]/],
    [{ iboot_address: '192.0.2.1:99999' }, /99999 is not from 1 to 65535/],
    [{ iboot_address: '192.0.2.1,0' }, /0 is not from 1 to 32/],
    [{ iboot_address: '192.0.2.1,2', iboot_relay_id: 3 }, /iboot_relay_id name different numbers/],
    [{ iboot_address: '192.0.2.1', iboot_relay_id: '1,,2' }, /iboot_relay_id: {2}is not from 1 to 32/],
    [{ iboot_address: '192.0.2.1', iboot_relay_id: '2,2' }, /iboot_relay_id names a number twice/],
    [{ iboot_address: '192.0.2.1', iboot_port: '9100,9200' }, /iboot_port must be one number/],
    [{ iboot_address: '192.0.2.1', iboot_password: 'x'.repeat(21) }, /iboot_password is longer than the 20 bytes/],
  ];
  for (const [info, expected] of bad) {
    test(`refuses ${JSON.stringify(info)}`, () => {
      assert.throws(() => createIbootDriver().power.validate(facts(info)), { code: 'driverInfo', message: expected });
    });
  }
});

suite('the protocol as python-iboot speaks it', () => {
  /** Recorded from python-iboot (Wildcarde's Python 3 fork): user admin, password secret, hello reply 0x1234. */
  const recorded = {
    'power on': `68656c6c6f2d303030${'03'}61646d696e${'00'.repeat(16)}736563726574${'00'.repeat(15)}010035120201`,
    'power off': `68656c6c6f2d303030${'03'}61646d696e${'00'.repeat(16)}736563726574${'00'.repeat(15)}010035120200`,
    get: `68656c6c6f2d303030${'03'}61646d696e${'00'.repeat(16)}736563726574${'00'.repeat(15)}04003512`,
  } as const;

  test('we send the same bytes', async (t) => {
    const sent: string[] = [];
    const server = createServer((socket) => {
      let heard = '';
      socket.on('error', () => {});
      socket.setEncoding('hex').on('data', (piece) => {
        const isHello = heard === '';
        heard += piece;
        if (isHello) return socket.write(Buffer.from([0x34, 0x12]));
        sent.push(heard);
        return socket.end(Buffer.from([0, 0]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const { power } = createIbootDriver();
    const { port } = server.address() as { port: number };
    const node = facts({ iboot_address: `127.0.0.1:${port},2`, iboot_username: 'admin', iboot_password: 'secret' });

    await power.setPower(node, 'power on');
    await power.setPower(node, 'power off');
    assert.equal(await power.getPower(node), 'power off');

    assert.deepEqual(sent, [recorded['power on'], recorded['power off'], recorded.get]);
  });

  const copy = process.env['REFEREE_PYTHON_IBOOT'] ?? '';
  const reason = existsSync(join(copy, 'iboot', 'iboot.py')) ? false : 'REFEREE_PYTHON_IBOOT names no copy of python-iboot';
  test('python-iboot works with the test device', { skip: reason }, async (t) => {
    const { iboot, power, node } = await setUp(t, { relays: 1 });
    const run = (action: string) => promisify(execFile)('python3', ['-c', program, String(iboot.port), action], { cwd: copy });

    await run('on');
    assert.equal(await power.getPower(node(1)), 'power on');
    await power.setPower(node(1), 'power off');
    const { stdout } = await run('status');

    assert.equal(stdout.trim(), '{1: False}');
  });
});

const program = `
import sys
from iboot.iboot import iBootInterface
box = iBootInterface('127.0.0.1', 'admin', 'secret', port=int(sys.argv[1]), num_relays=1)
print(box.get_relays() if sys.argv[2] == 'status' else box.switch(1, sys.argv[2] == 'on'))
`;
