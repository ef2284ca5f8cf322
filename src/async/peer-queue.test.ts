import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PeerQueue } from './peer-queue.ts';

const settle = () => new Promise(setImmediate);

test('batches simultaneous reads of one peer, in order with its other requests', async () => {
  const queue = new PeerQueue<number, string>();
  const requests: string[] = [];
  const question = (account: string) => ({
    peer: 'pdu',
    account,
    read: async (items: readonly number[]) => {
      requests.push(`${account} ${items.join(',')}`);
      return `${account} ${items.length}`;
    },
  });
  const written = Promise.withResolvers<void>();
  const write = queue.run('pdu', () => {
    requests.push('write');
    return written.promise;
  });
  const reads = [1, 2, 1].map((item) => queue.readTogether(item, question('a')));
  const other = queue.readTogether(3, question('b'));
  await settle();
  assert.deepEqual(requests, ['write']);
  written.resolve();

  assert.deepEqual(await Promise.all([...reads, other]), ['a 2', 'a 2', 'a 2', 'b 1']);
  await write;
  assert.deepEqual(requests, ['write', 'a 1,2', 'b 3']);
});

test('a read does not join a request that was already sent', async () => {
  const queue = new PeerQueue<number, readonly number[]>();
  const sent = Promise.withResolvers<void>();
  let requests = 0;
  const question = {
    peer: 'pdu',
    account: 'a',
    read: async (items: readonly number[]) => {
      if (++requests === 1) await sent.promise;
      return items;
    },
  };
  const first = queue.readTogether(1, question);
  await settle();
  await settle();
  const second = queue.readTogether(2, question);
  sent.resolve();

  assert.deepEqual(await Promise.all([first, second]), [[1], [2]]);
});

test('an aborted reader leaves the reply to the others, and an unawaited error is dropped', async () => {
  const queue = new PeerQueue<number, string>();
  const answer = Promise.withResolvers<string>();
  const controller = new AbortController();
  const question = { peer: 'pdu', account: 'a', read: () => answer.promise };
  const leaving = queue.readTogether(1, { ...question, signal: controller.signal });
  const staying = queue.readTogether(2, question);
  controller.abort(new Error('gone'));
  await assert.rejects(leaving, /gone/);
  answer.resolve('both');
  assert.equal(await staying, 'both');

  const failing = { peer: 'pdu', account: 'a', read: () => Promise.reject(new Error('failed')), signal: controller.signal };
  await assert.rejects(queue.readTogether(1, failing), /gone/);
  await settle();
  await settle();
});
