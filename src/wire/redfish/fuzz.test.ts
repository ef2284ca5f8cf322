/** Randomly mutated faulty responses: each is parsed or rejected with a reason, and nothing else happens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathOf, redirectedPath } from './links.ts';
import { complaints, errorMessages, readMessages } from './messages.ts';
import { type Json, RedfishError, type Resource } from './redfish-client.ts';
import { readReply, secretsIn } from './reply.ts';
import { createEventParser } from './server-sent-events.ts';
import { retryAfter } from './task-monitor.ts';

const rounds = 20_000;
const seeds = [
  '{"@odata.id":"/redfish/v1/Systems/1","@odata.etag":"W/\\"1\\"","PowerState":"On","Boot":{"BootSourceOverrideTarget":"Pxe"}}',
  '{"error":{"code":"Base.1.8.GeneralError","message":"x","@Message.ExtendedInfo":[{"MessageId":"Base.1.8.Success","Message":"y","Severity":"OK"}]}}',
  '{"Id":"7","TaskState":"Running","PercentComplete":40,"Messages":[{"Message":"z"}],"A@Message.ExtendedInfo":{"Message":"q"}}',
  'id: 1\r\ndata: {"Events":[{"MessageId":"ResourceEvent.1.0.ResourceChanged"}]}\r\n\r\n: ping\n\n',
];

/** Small and deterministic (mulberry32), so that a failure can be reproduced. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function bend(random: () => number): Buffer {
  const bytes = Buffer.from(seeds[Math.floor(random() * seeds.length)] ?? '');
  const where = Math.floor(random() * bytes.length);
  const kind = random();
  if (kind < 0.3) return bytes.subarray(0, where);
  if (kind < 0.6) bytes[where] = Math.floor(random() * 256);
  else if (kind < 0.8) return Buffer.concat([bytes.subarray(0, where), bytes.subarray(Math.floor(random() * bytes.length))]);
  else for (let count = 0; count < 8; count++) bytes[Math.floor(random() * bytes.length)] = 0x22 + Math.floor(random() * 90);
  return bytes;
}

test('malformed replies and events are read or rejected', () => {
  const random = createRandom(1);
  for (let round = 0; round < rounds; round++) {
    const body = bend(random);
    const status = [200, 202, 204, 400, 401, 500][Math.floor(random() * 6)] ?? 200;
    try {
      const reply = readReply({ status, headers: { 'content-type': 'application/json' }, body }, { request: 'GET /x' });
      complaints(reply.body, Object.keys(reply.body));
      for (const value of Object.values(reply.body)) pathOf(value);
      secretsIn(reply.body);
    } catch (error) {
      assert.ok(error instanceof RedfishError && error.message.length < 5_000, `${error} for ${body.toString('base64')}`);
    }
    createEventParser(({ body: event }) => assert.equal(typeof event, 'object'))(body.toString());
  }
});

test('links, delays and messages of any kind are harmless', () => {
  const odd: Json[] = [
    null,
    0,
    '',
    'x',
    '//evil.example/x',
    'https://evil.example/x',
    'javascript:1',
    '/a b',
    [],
    {},
    [[]],
    { '@odata.id': 1 },
  ];
  for (const value of odd) {
    const path = pathOf(value);
    assert.ok(path === undefined || path.startsWith('/') || path === '1', String(path));
    const target = redirectedPath(typeof value === 'string' ? value : undefined, 'https://bmc.example');
    assert.ok(target === undefined || target.startsWith('/'));
    readMessages(value);
    errorMessages({ error: value, '@Message.ExtendedInfo': value } as Resource);
    const wait = retryAfter({ 'retry-after': String(value) });
    assert.ok(wait === undefined || wait >= 0);
  }
  assert.equal(redirectedPath('//evil.example/x', 'https://bmc.example'), undefined);
});

test('rejects an excessively nested body', () => {
  const body = Buffer.from(`${'{"Password":'.repeat(20_000)}1${'}'.repeat(20_000)}`);
  assert.throws(() => readReply({ status: 200, headers: {}, body }, { request: 'GET /x' }), RedfishError);
});
