import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { communities, type Snmpd, snmpdUsers, startSnmpd } from '#test/a-snmpd.ts';
import { isInstalled } from '#tools/run-tool.ts';
import type { Datagrams } from '../udp/datagrams.ts';
import { openSharedUdp } from '../udp/shared-udp.ts';
import { openSnmpClient } from './snmp-client.ts';
import type { SnmpCredentials, SnmpTimings } from './snmp-peer.ts';

const outlet = '1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.1';
const nothing = '1.3.6.1.4.1.318.1.1.12.3.3.1.1.4.9';
const identity = '1.3.6.1.4.1.318.1.3.4.5';
/** Long timeouts: a slow agent is not an agent that does not respond. */
const calm = { timeout: 10_000, backoff: 1, retries: 1 };
const quick = { timeout: 200, backoff: 1.5, retries: 1 };

const reason = (await isInstalled('snmpd')) && (await isInstalled('snmpget')) ? false : 'snmpd or snmp is not installed';

type User = (typeof snmpdUsers)[keyof typeof snmpdUsers];
const asUser = ({ user, auth, authKey, priv, privKey }: User): SnmpCredentials => ({
  version: '3',
  user,
  auth: { protocol: auth, key: authKey },
  priv: { protocol: priv, key: privKey },
  context: '',
});

const accounts: Record<string, SnmpCredentials> = {
  'version 1': { version: '1', ...communities },
  'version 2c': { version: '2c', ...communities },
  ...Object.fromEntries(Object.values(snmpdUsers).map((user) => [`version 3, ${user.auth} and ${user.priv}`, asUser(user)])),
};

const skip = { skip: reason };
let snmpd: Snmpd;
before(async () => {
  if (reason) return;
  snmpd = await startSnmpd({ identity: `.${identity}`, objects: { values: { [outlet]: 2 }, effects: [] } });
});
after(() => snmpd?.close());

type Way = { disturb?: Disturb; timings?: SnmpTimings };

function open(t: TestContext, credentials: SnmpCredentials, { disturb, timings = calm }: Way = {}) {
  const sockets = openSharedUdp({ sockets: 1 });
  const datagrams = disturb ? disturbed(sockets, disturb) : sockets;
  const client = openSnmpClient({ address: '127.0.0.1', port: snmpd.port, credentials }, { datagrams, timings });
  t.after(() => {
    client.close();
    sockets.close();
  });
  return client;
}

for (const [name, credentials] of Object.entries(accounts)) {
  test(`reads and writes as ${name}`, skip, async (t) => {
    const client = open(t, credentials);
    assert.deepEqual(await client.get(['1.3.6.1.2.1.1.2.0']), [identity]);

    await client.set(outlet, 1);
    assert.equal(await snmpd.get(outlet), '1');
    await snmpd.set(outlet, 2);

    assert.deepEqual(await client.get([outlet]), [2]);
  });
}

test('a missing object', skip, async (t) => {
  const version2 = open(t, { version: '2c', ...communities });
  assert.deepEqual(await version2.get([outlet, nothing]), [2, null]);
  await assert.rejects(version2.set(nothing, 1), { failure: 'answered' });
  await assert.rejects(open(t, { version: '1', ...communities }).get([outlet, nothing]), { failure: 'absent' });
});

test('a user with read access only', skip, async (t) => {
  const { read } = communities;
  const client = open(t, { version: '2c', read, write: read });
  await assert.rejects(client.set(outlet, 1), { failure: 'privilege', message: 'NoAccess' });
  assert.deepEqual(await client.get([outlet]), [2]);
});

test('credentials that are not the agent’s', skip, async (t) => {
  const strong = asUser(snmpdUsers.strong) as Extract<SnmpCredentials, { version: '3' }>;
  const wrong: [SnmpCredentials, string, RegExp][] = [
    [{ version: '2c', read: 'guess', write: 'guess' }, 'silent', /no answer in time/],
    [{ ...strong, auth: { ...strong.auth, key: 'open sesame' } }, 'refused', /Wrong Digest/],
    [{ ...strong, auth: { ...strong.auth, protocol: 'sha' } }, 'refused', /Wrong Digest/],
    [{ ...strong, user: 'nobody' }, 'refused', /Unknown User Name/],
    [{ ...strong, priv: { protocol: 'none', key: '' } }, 'privilege', /AuthorizationError/],
    // snmpd drops packets that it cannot decrypt.
    [{ ...strong, priv: { ...strong.priv, key: 'open sesame' } }, 'silent', /no answer in time/],
  ];
  for (const [credentials, failure, message] of wrong) {
    const error = await open(t, credentials, { timings: failure === 'silent' ? quick : calm })
      .get([outlet])
      .catch((error: Error) => error);
    assert.equal((error as { failure?: string }).failure, failure);
    assert.match(String(error), message);
    assert.doesNotMatch(JSON.stringify(error) + String(error), /sesame|guess|nobody/);
  }
});

test('reconnects to a restarted agent within one request', skip, async (t) => {
  const client = open(t, asUser(snmpdUsers.strong));
  await client.set(outlet, 1);

  await snmpd.restart();

  assert.deepEqual(await client.get([outlet]), [2]);
});

test('reconnects to an agent with another engine or a reset boot counter', skip, async (t) => {
  const client = open(t, asUser(snmpdUsers.strong));
  assert.deepEqual(await client.get([outlet]), [2]);

  await snmpd.restart({ forgets: true });
  assert.deepEqual(await client.get([outlet]), [2]);

  await snmpd.restart({ forgets: true });
  await client.set(outlet, 1, { once: true });
  assert.equal(await snmpd.get(outlet), '1');
  await snmpd.set(outlet, 2);
});

test('does not take an unsigned report for a rejected key', skip, async (t) => {
  let report: Buffer | undefined;
  let asked: Buffer = Buffer.alloc(0);
  const forge: Disturb = {
    send(packet) {
      asked = packet;
      return packet;
    },
    receive(packet) {
      report ??= packet;
      return [withIdOf(asked, report)];
    },
  };
  const client = open(t, asUser(snmpdUsers.signed), { disturb: forge });
  await assert.rejects(client.get([outlet]), { failure: 'unfit', message: /clock or engine id/ });
});

test('resends lost packets, except for requests that must not run twice', skip, async (t) => {
  const lost: Buffer[] = [];
  const loseFirst: Disturb = {
    send(packet) {
      if (lost.length > 0) return packet;
      lost.push(packet);
      return undefined;
    },
  };
  const client = open(
    t,
    { version: '2c', ...communities },
    { disturb: loseFirst, timings: { ...calm, timeout: 500, backoff: 20 } },
  );
  assert.deepEqual(await client.get([outlet]), [2]);

  lost.length = 0;
  await assert.rejects(client.set(outlet, 1, { once: true }), { failure: 'silent' });

  assert.deepEqual(await client.get([outlet]), [2]);
});

test('an abort or closing ends a request', skip, async (t) => {
  const client = open(t, { version: '2c', ...communities }, { disturb: { send: () => undefined } });
  const asking = new AbortController();
  const given = client.get([outlet], asking.signal);
  setImmediate(() => asking.abort(new Error('enough')));
  await assert.rejects(given, /enough/);

  const closed = client.get([outlet]);
  setImmediate(() => client.close());
  await assert.rejects(closed, { failure: 'closed' });
});

test('noise on the socket disturbs no request', skip, async (t) => {
  const noise = ['', '00', '30', '3003020101', `3082${'ff'.repeat(80)}`, `30840000${'00'.repeat(20)}`].map((hex) =>
    Buffer.from(hex, 'hex'),
  );
  const client = open(t, { version: '2c', ...communities }, { disturb: { receive: (packet) => [...noise, packet] } });
  assert.deepEqual(await client.get([outlet]), [2]);
});

test('rejects an unsigned reply to a signed request', skip, async (t) => {
  let asked: Buffer = Buffer.alloc(0);
  let forged = 0;
  let isForging = false;
  const forge: Disturb = {
    send(packet) {
      asked = packet;
      return packet;
    },
    receive(packet) {
      if (!isForging) return [packet];
      forged += 1;
      return [unsignedAnswer(asked, packet), packet];
    },
  };
  const client = open(t, asUser(snmpdUsers.signed), { disturb: forge });
  assert.deepEqual(await client.get([outlet]), [2]);
  isForging = true;

  const values = await client.get([outlet]);

  assert.ok(forged > 0);
  assert.deepEqual(values, [2]);
});

/** Mulberry32. */
function generator(state: number): () => number {
  let a = state;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

for (const [name, user] of [
  ['signed', snmpdUsers.signed] as const,
  ['encrypted', snmpdUsers.strong] as const,
  ['in clear', undefined] as const,
]) {
  test(`altered replies (${name}) neither crash the process nor bypass the signature`, skip, async (t) => {
    const random = generator(20_240_607);
    const at = (length: number) => Math.floor(random() * length);
    const mutate = (packet: Buffer) => {
      const changed = Buffer.from(packet);
      for (let count = 1 + at(3); count > 0; count--) changed[at(changed.length)] = at(256);
      return random() < 0.2 ? changed.subarray(0, at(changed.length)) : changed;
    };
    // Sometimes unchanged, so that some requests succeed.
    const receive = (packet: Buffer) => (random() < 0.4 ? [packet] : [mutate(packet), mutate(packet), packet]);
    const client = open(t, user ? asUser(user) : { version: '2c', ...communities }, { disturb: { receive }, timings: quick });

    const values = new Set<unknown>();
    for (let round = 0; round < 500; round++) {
      const end = await client.get([outlet]).catch((error: Error) => error);
      if (Array.isArray(end)) values.add(end[0]);
      else assert.equal(end.name, 'SnmpError', end.message);
    }

    assert.ok(values.has(2));
    if (user) assert.equal(values.size, 1);
  });
}

type Disturb = { send?(packet: Buffer): Buffer | undefined; receive?(packet: Buffer): Buffer[] };

/** An unreliable network. */
function disturbed(network: Datagrams, { send, receive }: Disturb): Datagrams {
  return {
    async connect(peer, take) {
      const socket = await network.connect(peer, (packet) => {
        for (const one of receive ? receive(packet) : [packet]) take(one);
      });
      return {
        send(packet) {
          const sent = send ? send(Buffer.from(packet)) : packet;
          if (sent) socket.send(sent);
        },
        close: () => socket.close(),
      };
    },
  };
}

/** What a man in the middle can make of a signed request and its response: outlet on, no signature. */
function unsignedAnswer(request: Buffer, answer: Buffer): Buffer {
  const [, header = Buffer.alloc(0)] = elements(contents(request));
  const [, , security = Buffer.alloc(0), scoped = Buffer.alloc(0)] = elements(contents(answer));
  const [id = Buffer.alloc(0), size = Buffer.alloc(0), , model = Buffer.alloc(0)] = elements(contents(header));
  const [engine = Buffer.alloc(0), context = Buffer.alloc(0), pdu = Buffer.alloc(0)] = elements(contents(scoped));
  const [engineId = Buffer.alloc(0), boots = Buffer.alloc(0), time = Buffer.alloc(0), user = Buffer.alloc(0)] = elements(
    contents(contents(security)),
  );
  const lie = Buffer.from(pdu);
  lie[lie.length - 1] = 1;
  const parameters = ber(0x30, engineId, boots, time, user, ber(0x04), ber(0x04));
  const flags = ber(0x04, Buffer.from([0]));
  return ber(
    0x30,
    ber(0x02, Buffer.from([3])),
    ber(0x30, id, size, flags, model),
    ber(0x04, parameters),
    ber(0x30, engine, context, lie),
  );
}

/** The same response, for another request. */
function withIdOf(request: Buffer, answer: Buffer): Buffer {
  const [, asked = Buffer.alloc(0)] = elements(contents(request));
  const [id = Buffer.alloc(0)] = elements(contents(asked));
  const [version = Buffer.alloc(0), header = Buffer.alloc(0), ...rest] = elements(contents(answer));
  return ber(0x30, version, ber(0x30, id, ...elements(contents(header)).slice(1)), ...rest);
}

function ber(tag: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, 0x82, body.length >> 8, body.length & 0xff]), body]);
}

function headLength(element: Buffer): { head: number; length: number } {
  const first = element[1] ?? 0;
  const count = first < 0x80 ? 0 : first & 0x7f;
  return { head: 2 + count, length: count === 0 ? first : element.readUIntBE(2, count) };
}

function contents(element: Buffer): Buffer {
  const { head, length } = headLength(element);
  return element.subarray(head, head + length);
}

function elements(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { head, length } = headLength(bytes.subarray(at));
    found.push(bytes.subarray(at, at + head + length));
    at += head + length;
  }
  return found;
}
