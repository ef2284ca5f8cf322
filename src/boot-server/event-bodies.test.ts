import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { anEventListener } from '#test/an-event-listener.ts';
import { EventBodies, eventBodyMax } from './event-bodies.ts';

const packed = { gzip: gzipSync, br: brotliCompressSync };
/** An event of that many bytes, one kilobyte when compressed. */
const large = (bytes: number) => JSON.stringify({ pad: 'x'.repeat(bytes - '{"pad":""}'.length) });
const isRead = (value: unknown) => typeof value === 'object' && value !== null && 'pad' in value;

for (const [encoding, pack] of Object.entries(packed)) {
  test(`reads ${encoding} from a flooding BMC up to 4 MiB a minute, and still serves others`, () => {
    let now = 0;
    const bodies = new EventBodies(() => now);
    const body = pack(large(eventBodyMax));
    const read = (token: string) => isRead(bodies.read(token, body, encoding));
    assert.deepEqual(
      Array.from({ length: 6 }, () => read('one')),
      [true, true, true, true, false, false],
    );
    assert.equal(read('other'), true);
    now = 60_001;
    assert.equal(read('one'), true);
  });
}

test('charges a body that cannot be decompressed or parsed at its full size', () => {
  const bodies = new EventBodies(() => 0);
  const bomb = gzipSync(large(2 * eventBodyMax));
  for (let time = 0; time < 4; time++) assert.deepEqual(bodies.read('one', bomb, 'gzip'), {});
  assert.deepEqual(bodies.read('one', Buffer.from('{"pad":1}'), undefined), {});
  const nested = gzipSync('['.repeat(eventBodyMax));
  for (let time = 0; time < 4; time++) assert.deepEqual(bodies.read('two', nested, 'gzip'), {});
  assert.deepEqual(bodies.read('two', Buffer.from('{"pad":1}'), undefined), {});
});

test('accepts a post beyond the budget over HTTP as an empty event, with the usual reply', async (t) => {
  const { boot, events } = await anEventListener(t);
  const taken: unknown[] = [];
  events.onEvent('token-1', (body) => taken.push(body));
  const url = `${boot.eventPlaces.at(-1)?.url}/redfish-events/token-1`;
  const post = { method: 'POST', headers: { 'content-encoding': 'gzip' }, body: gzipSync(large(eventBodyMax)) };
  for (let time = 0; time < 6; time++) assert.equal((await fetch(url, post)).status, 200);
  assert.deepEqual(taken.map(isRead), [true, true, true, true, false, false]);
});
