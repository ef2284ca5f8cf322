import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { aNode } from '#test/a-task.ts';
import { isInstalled } from '#tools/run-tool.ts';
import type { NodeFacts } from '../interfaces.ts';
import { createTileraPduDriver } from './index.ts';

const modes = { on: 1, off: 2, reboot: 3, status: 9 };
const facts = (driver_info: JsonObject): NodeFacts => ({ ...aNode({ driver: 'tilera-pdu', driver_info }), ports: [] });

/** A manager that logs its arguments, keeps the state in a file, and prints it on request. */
const goodManager = `printf '%s|' "$@" >> "$0.log"; echo >> "$0.log"
case $2 in 1|2) echo $2 > "$0.state";; 3) echo 1 > "$0.state";; 9) echo "outlet state:"; cat "$0.state";; esac`;

async function setUp(t: TestContext, script = goodManager, timeout = 10) {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-tilera-'));
  const manager = join(folder, 'pdu mgr');
  await writeFile(manager, `#!/bin/sh\n${script}\n`);
  await chmod(manager, 0o755);
  const driver = createTileraPduDriver({ manager, modes, timeout });
  t.after(async () => {
    await driver.close();
    await rm(folder, { recursive: true });
  });
  const runs = async () => (await readFile(`${manager}.log`, 'utf8')).trim().split('\n');
  return { ...driver, manager, runs };
}

const asked = { tilera_pdu_address: '10.0.100.1', tilera_status: 'manager' };

test('calls the manager with the address of the PDU and the classic modes', async (t) => {
  const { power, runs } = await setUp(t);

  await power.setPower(facts(asked), 'power on');
  assert.equal(await power.getPower(facts(asked)), 'power on');
  await power.setPower(facts(asked), 'power off');
  assert.equal(await power.getPower(facts(asked)), 'power off');
  await power.setPower(facts(asked), 'power cycle');

  assert.deepEqual(await runs(), ['10.0.100.1|1|', '10.0.100.1|9|', '10.0.100.1|2|', '10.0.100.1|9|', '10.0.100.1|3|']);
});

test('passes an outlet as third argument, without a shell', async (t) => {
  const { power, runs } = await setUp(t);
  await power.setPower(facts({ ...asked, tilera_outlet: '1/4' }), 'power on');
  assert.deepEqual(await runs(), ['10.0.100.1|1|1/4|']);
  for (const tilera_outlet of ['$(id)', '-x', 'a b', ';']) {
    assert.throws(() => power.validate(facts({ ...asked, tilera_outlet })), { code: 'driverInfo' });
  }
});

test('serializes the runs of one PDU', async (t) => {
  const { power, runs } = await setUp(t, 'echo in >> "$0.log"; sleep 0.05; echo out >> "$0.log"');
  await Promise.all([1, 2, 3].map(() => power.setPower(facts(asked), 'power on')));
  assert.deepEqual(await runs(), ['in', 'out', 'in', 'out', 'in', 'out']);
});

suite('faults', () => {
  test('a failing manager program, with its message', async (t) => {
    const { power, manager } = await setUp(t, 'echo "no route to PDU" >&2; exit 1');
    const message = `${manager} failed: no route to PDU`;
    await assert.rejects(power.setPower(facts(asked), 'power on'), { code: 'toolFailed', message });
  });

  test('a missing manager program', async () => {
    const { power } = createTileraPduDriver({ manager: '/nonexistent/pdu_mgr', modes, timeout: 30 });
    await assert.rejects(power.setPower(facts(asked), 'power on'), { code: 'toolFailed', message: /No such file/ });
  });

  test('an invalid state', async (t) => {
    const { power } = await setUp(t, 'echo maybe');
    await assert.rejects(power.getPower(facts(asked)), { code: 'toolFailed', message: /printed 'maybe' for the state/ });
  });

  test('a hanging manager program is killed with its children', async (t) => {
    const { power } = await setUp(t, 'sleep 600 & wait', 0.2);
    await assert.rejects(power.setPower(facts(asked), 'power on'), {
      code: 'toolFailed',
      message: /did not finish within 0.2 s/,
    });
  });

  test('an abort kills the program', async (t) => {
    const { power } = await setUp(t, 'sleep 600');
    const callOptions = new AbortController();
    const run = power.setPower(facts(asked), 'power on', { signal: callOptions.signal });
    setImmediate(() => callOptions.abort(new Error('enough')));
    await assert.rejects(run, /enough/);
  });

  test('closing the driver kills the program', async (t) => {
    const { power, close } = await setUp(t, 'sleep 600');
    const run = power.setPower(facts(asked), 'power on');
    setImmediate(close);
    await assert.rejects(run, { code: 'interrupted' });
  });
});

suite('the state by ping', async () => {
  const reason = (await isInstalled('ping')) ? false : 'no ping on this machine';
  const pinged = { tilera_pdu_address: '10.0.100.1' };
  const { power } = createTileraPduDriver({ manager: '/nonexistent/pdu_mgr', modes, timeout: 30 });

  test('no reply is off, any other failure raises a fault (exit statuses of iputils, from a stub)', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'ingot-ping-'));
    const path = process.env['PATH'];
    t.after(async () => {
      process.env['PATH'] = path;
      await rm(folder, { recursive: true });
    });
    const script = '#!/bin/sh\ncase "$*" in "-c1 -W5 -- up") exit 0;; "-c1 -W5 -- down") exit 1;; esac; echo who? >&2; exit 2\n';
    await writeFile(join(folder, 'ping'), script, { mode: 0o755 });
    process.env['PATH'] = `${folder}:${path}`;
    const state = (tilera_address: string) => power.getPower(facts({ ...pinged, tilera_address }));

    assert.equal(await state('up'), 'power on');
    assert.equal(await state('down'), 'power off');
    await assert.rejects(state('unknown'), { code: 'toolFailed', message: 'ping failed: who?' });
  });

  test('a machine that replies is on', { skip: reason }, async () => {
    assert.equal(await power.getPower(facts({ ...pinged, tilera_address: '127.0.0.1' })), 'power on');
  });

  // A name with too long a label is rejected without a DNS query.
  test('an unknown host name raises a fault', { skip: reason }, async () => {
    const node = facts({ ...pinged, tilera_address: `${'a'.repeat(64)}.example` });
    await assert.rejects(power.getPower(node), { code: 'toolFailed', message: /ping failed/ });
  });
});

suite('driver_info', () => {
  const { power } = createTileraPduDriver({ manager: '/nonexistent/pdu_mgr', modes, timeout: 30 });
  const bad: [JsonObject, RegExp][] = [
    [{}, /tilera_address is missing|tilera_pdu_address is missing/],
    [{ tilera_pdu_address: '10.0.100.1' }, /tilera_address is missing/],
    [{ tilera_pdu_address: '--help', tilera_address: '10.0.0.1' }, /tilera_pdu_address must be a host name/],
    [{ tilera_pdu_address: '10.0.100.1', tilera_address: '-f' }, /tilera_address must be a host name/],
    [{ ...asked, tilera_status: 'guess' }, /tilera_status must be one of ping, manager/],
  ];
  for (const [info, expected] of bad) {
    test(`refuses ${JSON.stringify(info)}`, () => {
      assert.throws(() => power.validate(facts(info)), { code: 'driverInfo', message: expected });
    });
  }
});
