/** What an unauthenticated client on the provisioning network can do to its listeners by holding connections. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Held, hold } from '#test/a-held-connection.ts';
import { anEventListener } from '#test/an-event-listener.ts';

const outsider = '127.0.0.2';

test('limits one machine to its share of the listener, and serves others', async (t) => {
  const { boot } = await anEventListener(t, { 'provisioning.connections_per_address': '20' });
  const port = Number(new URL(boot.addresses.http_url).port);
  const held: Held[] = [];
  for (let count = 0; count < 100; count++) held.push(await hold(t, port, { address: outsider }));
  let ended = 0;
  await new Promise<void>((resolve) => {
    for (const { closed } of held) void closed.then(() => ++ended === 80 && resolve());
  });
  assert.equal((await fetch(`${boot.addresses.http_url}/boot/firmware/snponly.efi`)).status < 500, true);
});

suite('an unexpected request body', () => {
  for (const path of ['/agent/v2/hello', '/redfish-events/no-token', '/nowhere']) {
    test(`rejects POST ${path} and closes its connection`, async (t) => {
      const { boot } = await anEventListener(t);
      const port = Number(new URL(boot.addresses.http_url).port);
      const text = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`;
      const held = await hold(t, port, { address: outsider, text });
      assert.match(await held.closed, /^HTTP\/1\.1 40[14] .*\r\nconnection: close\r\n/is);
      held.socket.destroy();
    });
  }
});
