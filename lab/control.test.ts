import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ControlClient, type ControlRequest, ControlServer } from './control.ts';

async function withControl(
  handle: (request: ControlRequest) => Promise<unknown>,
  use: (parts: { server: ControlServer; client: ControlClient; path: string }) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-control-'));
  const path = join(folder, 'control.sock');
  const server = await ControlServer.start(path, handle);
  const client = await ControlClient.connect(path);
  try {
    await use({ server, client, path });
  } finally {
    client.close();
    server.close();
    rmSync(folder, { recursive: true });
  }
}

test('replies match their requests, in any order', async () => {
  const later = Promise.withResolvers<string>();
  const handle = (request: ControlRequest) => (request.action === 'status' ? later.promise : Promise.resolve('at once'));

  await withControl(handle, async ({ client }) => {
    const slow = client.ask({ action: 'status' });
    const quick = await client.ask({ action: 'stop' });
    later.resolve('late');

    assert.deepEqual([quick, await slow], ['at once', 'late']);
  });
});

test('a failed request rejects with its message', async () => {
  const handle = async () => {
    throw new Error('there is no machine nine');
  };

  await withControl(handle, async ({ client }) => {
    await assert.rejects(client.ask({ action: 'status' }), /there is no machine nine/);
  });
});

test('events reach the clients', async () => {
  await withControl(
    async () => null,
    async ({ server, client }) => {
      await client.ask({ action: 'status' });
      const news = once(client, 'news');
      server.send({ machine: 'machine-1', state: 'on' });

      assert.deepEqual(await news, [{ machine: 'machine-1', state: 'on' }]);
    },
  );
});

test('when the server disconnects, pending and further requests reject', async () => {
  const never = () => new Promise(() => {});

  await withControl(never, async ({ server, client }) => {
    const waiting = client.ask({ action: 'status' });
    const end = once(client, 'end');
    server.close();

    await assert.rejects(waiting, /went down before it answered/);
    await end;
    await assert.rejects(client.ask({ action: 'status' }), /the rack is down/);
  });
});

test('only the owner may control the rack', async () => {
  await withControl(
    async () => null,
    async ({ path }) => {
      assert.equal(statSync(path).mode & 0o777, 0o600);
    },
  );
});

test('reports a path that is too long for a socket', async () => {
  await assert.rejects(
    ControlServer.start(`/tmp/${'x'.repeat(120)}`, async () => null),
    /too long for a socket/,
  );
});
