import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { ConsoleLine } from './console-line.ts';
import type { ConsoleRecord } from './console-record.ts';

const newStream = () => new Duplex({ read() {}, write: (_, __, done) => done() });

test('reports a console that keeps closing a few times only', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const reported: string[] = [];
  let opened = 0;
  const line = new ConsoleLine({
    async open() {
      opened += 1;
      const stream = newStream();
      setImmediate(() => stream.push(null));
      return stream;
    },
    record: { append() {} } as unknown as ConsoleRecord,
    report: (message) => void reported.push(message),
  });
  while (opened < 12) {
    await new Promise(setImmediate);
    t.mock.timers.tick(1);
    await new Promise(setImmediate);
    t.mock.timers.tick(60_000);
  }
  await line.close();
  assert.ok(reported.length <= 8, reported.join('\n'));
  assert.equal(reported[0], 'the serial console is open');
  assert.equal(reported[1], 'the serial console is closed: the BMC ended it');
});

test('ignores an error that follows the end of a console', async (t) => {
  const stream = newStream();
  const line = new ConsoleLine({
    open: async () => stream,
    record: { append() {} } as unknown as ConsoleRecord,
    report() {},
  });
  t.after(() => line.close());
  await new Promise(setImmediate);
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  stream.once('close', resolve);
  stream.push(null);
  await closed;
  stream.emit('error', new Error('late'));
});
