import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { test } from 'node:test';
import { SerialLine } from './serial-line.ts';

const heard = async (end: Duplex) => String(((await once(end, 'data')) as [Buffer])[0]);

test('all clients receive output, and each may send input', async () => {
  const line = new SerialLine();
  const [machine, plug] = duplexPair();
  line.attach(plug);
  const [one, other] = [line.open(), line.open()];

  const both = Promise.all([heard(one), heard(other)]);
  machine.write('login: ');
  assert.deepEqual(await both, ['login: ', 'login: ']);

  other.write('root\n');
  assert.equal(await heard(machine), 'root\n');
});

test('a client survives a power cycle, and input sent while off is lost', async () => {
  const line = new SerialLine();
  const [first, firstPlug] = duplexPair();
  line.attach(firstPlug);
  const end = line.open();
  firstPlug.destroy();
  await once(firstPlug, 'close');
  first.destroy();

  await new Promise((resolve) => end.write('nobody hears', resolve));
  const [second, secondPlug] = duplexPair();
  line.attach(secondPlug);
  const words = heard(end);
  second.write('up again');
  assert.equal(await words, 'up again');
  end.write('!');
  assert.equal(await heard(second), '!');
});

test('a closed client receives nothing, and one that never reads blocks nobody', async () => {
  const line = new SerialLine();
  const [machine, plug] = duplexPair();
  line.attach(plug);
  const [closed, lazy, reader] = [line.open(), line.open(), line.open()];
  closed.destroy();
  let bytes = 0;
  reader.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });

  for (let n = 0; n < 40; n += 1) await new Promise((resolve) => machine.write(Buffer.alloc(65_536), resolve));
  while (bytes < 40 * 65_536) await once(reader, 'data');
  assert.ok(lazy.readableLength < 2 << 20, `it keeps ${lazy.readableLength} bytes`);
  assert.equal(closed.readableLength, 0);
});
