import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { steadyStream } from './steady-stream.ts';

const never = 2 ** 31 - 1;

test('a source that was cut off before anybody listened ends at once, with its error', async () => {
  const lost = new Readable({ read() {} }).on('error', () => {});
  lost.destroy(new Error('aborted'));
  const closed = new Readable({ read() {} });
  closed.destroy();

  await assert.rejects(text(steadyStream(lost, never)), { message: 'aborted' });
  await assert.rejects(text(steadyStream(closed, never)), { code: 'clientDisconnected' });
});

test('a source that ends is passed through', async () => {
  assert.equal(await text(steadyStream(Readable.from(['a', 'b']), never)), 'ab');
});
