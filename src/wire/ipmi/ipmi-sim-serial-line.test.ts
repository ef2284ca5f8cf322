import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { startIpmiSim, withoutIpmiSim } from '#test/captures/ipmi-sim.ts';
import { openSharedUdp } from '../udp/shared-udp.ts';
import { IpmiError } from './ipmi-error.ts';
import { openSerialLine, type SerialLine } from './sol-stream.ts';
import { defaultTimings } from './timings.ts';

/** The simulator does not respond to the cipher suite query. */
const login = { user: 'admin', password: 'secret', privilege: 'administrator', cipherSuite: 3 } as const;
/** No retransmissions, even on a slow machine: a SOL payload that is activated twice is in use. */
const timings = { ...defaultTimings, firstWait: 10_000, shortestWait: 10_000, longestWait: 10_000 };

/** The simulator's machine: a TCP server that sends a greeting and echoes its input in capitals. */
async function setUp(t: TestContext) {
  const ends: Socket[] = [];
  const machine = createServer((socket) => {
    ends.push(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => socket.write(String(data).toUpperCase()));
  });
  machine.listen(0, '127.0.0.1');
  await once(machine, 'listening');
  const { port: serialPort } = machine.address() as { port: number };
  const connected = once(machine, 'connection');
  const sim = await startIpmiSim(undefined, serialPort);
  await connected;
  const datagrams = openSharedUdp();
  t.after(async () => {
    datagrams.close();
    await sim.close();
    for (const end of ends) end.destroy();
    machine.close();
  });
  const open = (options: { takeOver?: boolean } = {}) =>
    openSerialLine({ address: '127.0.0.1', port: sim.port, ...login }, { datagrams, timings, ...options });
  return { open, print: (text: string) => ends[0]?.write(text) };
}

async function hear(line: SerialLine, text: string): Promise<string> {
  let heard = '';
  for (;;) {
    heard += line.read() ?? '';
    if (heard.includes(text)) return heard;
    await once(line, 'readable');
  }
}

suite("the serial line of OpenIPMI's simulator", { skip: withoutIpmiSim }, () => {
  test('sends and receives in order and completely', async (t) => {
    const { open, print } = await setUp(t);
    const line = await open();
    print('login: ');
    assert.equal(await hear(line, 'login: '), 'login: ');
    const text = Array.from({ length: 200 }, (_, at) => `line ${at}\n`).join('');

    line.write(text);

    assert.equal(await hear(line, 'LINE 199\n'), text.toUpperCase());
    await once(line.destroy(), 'close');
  });

  test('is reported in use, and taken over', async (t) => {
    const { open, print } = await setUp(t);
    const first = await open();
    first.on('error', () => {});
    await assert.rejects(open(), (error) => error instanceof IpmiError && /in use by another session/.test(error.detail));

    const second = await open({ takeOver: true });

    print('hello');
    assert.equal(await hear(second, 'hello'), 'hello');
    await once(second.destroy(), 'close');
    await new Promise((resolve) => first.once('close', resolve).destroy());
  });

  // Output only: the simulator takes the first packet typed for a retransmission from the previous session.
  test('can be reopened after it was closed', async (t) => {
    const { open, print } = await setUp(t);
    for (const word of ['first', 'second', 'third']) {
      const line = await open();
      print(word);
      assert.equal(await hear(line, word), word);
      await once(line.destroy(), 'close');
    }
  });
});
