import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { suite, type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { startBmc } from '#lab/bmc/bmc.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { defaultTimings } from '#wire/ipmi/timings.ts';
import type { ConsoleStream, NodeFacts } from '../interfaces.ts';
import { createIpmiDriver } from './index.ts';

/** No retransmissions, even on a slow machine. */
const timings = { ...defaultTimings, firstWait: 10_000, shortestWait: 10_000, longestWait: 10_000 };

function openEcho(): Duplex {
  const echo = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      echo.push(chunk.toString().toUpperCase());
      done();
    },
  });
  return echo;
}

async function setUp(t: TestContext) {
  const chassis = { ...createMemoryChassis(), openConsole: openEcho };
  const users = [{ name: 'admin', password: 'secret' }];
  const profile = { ipmiVersions: ['1.5' as const, '2.0' as const] };
  const bmc = await startBmc({ address: '127.0.0.1', port: 0, users, chassis, profile });
  const driver = createIpmiDriver({ timings });
  t.after(async () => {
    await driver.close();
    await bmc.close();
  });
  const info = { ipmi_address: '127.0.0.1', ipmi_port: bmc.port, ipmi_username: 'admin', ipmi_password: 'secret' };
  const node = (changes: JsonObject = {}): NodeFacts => ({
    id: 1,
    uuid: '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001',
    name: 'n1',
    driver: 'ipmi',
    driver_info: { ...info, ...changes },
    properties: {},
    extra: {},
    power_state: null,
    ports: [],
  });
  const open = async (changes?: JsonObject, signal = new AbortController().signal): Promise<ConsoleStream> => {
    const stream = await driver.console.open?.(node(changes), { signal });
    assert.ok(stream);
    return stream;
  };
  return { bmc, driver, node, open };
}

function isFault(code: string, text: RegExp) {
  return (error: unknown) => error instanceof Fault && error.code === code && text.test(error.message);
}

suite('the console of the ipmi driver', () => {
  test('accepts input while commands run', async (t) => {
    const { open, driver, node } = await setUp(t);
    const line = await open();
    line.write('hello');
    assert.equal(String((await once(line, 'data'))[0]), 'HELLO');
    assert.equal(await driver.power.getPower(node()), 'power off');
  });

  test('reports a line in use, and takes it over if the node is so configured', async (t) => {
    const { open } = await setUp(t);
    const first = await open();
    const lost = once(first, 'error');
    await assert.rejects(open(), isFault('bmcError', /the serial line is in use by another session/));

    await open({ ipmi_console_take_over: 'true' });

    assert.ok(
      isFault('bmcConnectionClosed', /closed the connection during Serial over LAN: the BMC deactivated it/)((await lost)[0]),
    );
  });

  test('closing the driver closes it and leaves no session', async (t) => {
    const { open, driver, bmc } = await setUp(t);
    const line = await open();
    await driver.close();
    assert.deepEqual([line.closed, bmc.sessionCount], [true, 0]);
  });

  test('needs IPMI 2.0', async (t) => {
    const { driver, node } = await setUp(t);
    const old = node({ ipmi_protocol_version: '1.5' });
    assert.throws(() => driver.console.validate(old), isFault('driverInfo', /needs ipmi_protocol_version 2\.0/));
    assert.equal(await driver.power.getPower(old), 'power off');
  });
});
