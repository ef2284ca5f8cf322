/** Directories that say what they should not. What a real one says is tested in `services/identity/directory`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { element, integer, octets, sequence, tags } from './ber.ts';
import { LdapConnection } from './client.ts';
import { allOf, isEqualTo } from './filter.ts';
import { message, operations } from './messages.ts';

type Answer = (socket: Socket, request: Buffer) => void;

const result = (operation: number, code: number) => element(operation, integer(code, tags.enumerated), octets(''), octets(''));
const entry = (dn: string, value = 'x') =>
  element(operations.entry, octets(dn), sequence(sequence(octets('uid'), element(tags.set, octets(value)))));

async function aDirectory(t: TestContext, answer: Answer): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('data', (data: Buffer) => answer(socket, data));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const inTime = () => AbortSignal.timeout(60_000);

async function open(t: TestContext, answer: Answer, security: 'none' | 'starttls' = 'none'): Promise<LdapConnection> {
  const port = await aDirectory(t, answer);
  const connection = await LdapConnection.open({ host: '127.0.0.1', port, security }, inTime());
  t.after(() => connection.close());
  return connection;
}

const people = { base: 'ou=people', scope: 'one', filter: isEqualTo('uid', 'ann'), attributes: ['uid'] } as const;
const search = (connection: LdapConnection, entries = 10, pageSize = 0) =>
  connection.search(people, { entries, pageSize }, inTime);

test('a message in single bytes and several in one piece are read alike', async (t) => {
  const all = Buffer.concat([
    message(1, entry('uid=a')),
    message(1, element(operations.reference, octets('ldap://elsewhere/'))),
    message(1, entry('uid=b', 'y'.repeat(300))),
    message(1, result(operations.searchResult, 0)),
  ]);
  const pieces = await open(t, (socket) => {
    for (const byte of all) socket.write(Buffer.from([byte]));
  });
  const whole = await open(t, (socket) => socket.write(all));

  for (const connection of [pieces, whole])
    assert.deepEqual(
      (await search(connection)).map(({ dn }) => dn),
      ['uid=a', 'uid=b'],
    );
});

test('no name and no password is ever sent empty, since a directory takes that for a success', async (t) => {
  let requests = 0;
  const connection = await open(t, (socket) => {
    requests += 1;
    socket.write(message(1, result(operations.bindResult, 0)));
  });

  assert.equal(await connection.checkPassword('uid=ann', '', inTime()), false);
  assert.equal(await connection.checkPassword('', 'secret', inTime()), false);
  await assert.rejects(connection.bind('uid=reader', '', inTime()), /needs a name and a password/);
  assert.equal(requests, 0);
  assert.equal(await connection.checkPassword('uid=ann', 'secret', inTime()), true);
});

test('only success is a right password; what says neither is an error', async (t) => {
  const codes = [49, 53, 14, 51];
  const answers = codes.map(async (code) => {
    const connection = await open(t, (socket) => socket.write(message(1, result(operations.bindResult, code))));
    return connection.checkPassword('uid=ann', 'secret', inTime()).catch((error: Error) => error.message);
  });

  const [wrong, locked, unfinished, busy] = await Promise.all(answers);
  assert.deepEqual([wrong, locked], [false, false]);
  assert.match(String(unfinished), /refused the login of a user with result 14/);
  assert.match(String(busy), /result 51/);
});

test('an answer of another kind, or to another request, is no success', async (t) => {
  const success = result(operations.bindResult, 0);
  const wrong = [
    message(1, result(operations.searchResult, 0)),
    message(2, success),
    message(0, success),
    Buffer.from('HTTP/1.1 400'),
  ];

  for (const bytes of wrong) {
    const connection = await open(t, (socket) => socket.write(bytes));
    await assert.rejects(connection.checkPassword('uid=ann', 'secret', inTime()), { name: 'LdapError' });
    await assert.rejects(connection.checkPassword('uid=ann', 'secret', inTime()), { name: 'LdapError' });
  }
});

test('what a directory sends is bounded', async (t) => {
  const endless = (socket: Socket, piece: Buffer) => {
    const send = () => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on('drain', send);
    send();
  };
  const cookie = octets(sequence(integer(0), octets('more')));
  const paged = sequence(
    integer(1),
    result(operations.searchResult, 0),
    element(0xa0, sequence(octets('1.2.840.113556.1.4.319'), cookie)),
  );
  const hostile: readonly (readonly [Answer, RegExp])[] = [
    [(socket) => socket.write(Buffer.from([0x30, 0x84, 0x7f, 0xff, 0xff, 0xff])), /more than 8388608 bytes/],
    [(socket) => endless(socket, message(1, entry('uid=a'))), /more than 10 entries/],
    [(socket) => endless(socket, message(1, entry('uid=a', 'z'.repeat(7_900_000)))), /more than 67108864 bytes/],
    [(socket) => socket.write(paged), /empty page/],
    [(socket) => socket.write(Buffer.from([0x30, 0x80])), /length that LDAP does not allow/],
    [(socket) => socket.write(message(1, element(operations.entry, octets('uid=a'), Buffer.from([0x30, 0x7f])))), /cut off/],
    [(socket) => socket.end(), /closed the connection/],
  ];

  for (const [answer, expected] of hostile) {
    const connection = await open(t, answer);
    await assert.rejects(search(connection, 10, 5), expected);
  }
});

test('a message has no more values, attributes and controls than are read in a moment', async (t) => {
  const many = (count: number, each: Buffer) => Buffer.alloc(count * each.length, each);
  const entryOf = (...attributes: Buffer[]) =>
    sequence(integer(1), element(operations.entry, octets(''), sequence(...attributes)));
  const done = result(operations.searchResult, 0);
  const answers = [
    [entryOf(sequence(octets('uid'), element(tags.set, many(100_001, octets(''))))), /more than 100000 values/],
    [entryOf(many(1001, sequence(octets(''), element(tags.set)))), /more than 1000 attributes/],
    [sequence(integer(1), done, element(0xa0, many(101, sequence(octets(''))))), /more than 100 controls/],
  ] as const;

  for (const [answer, expected] of answers) {
    const connection = await open(t, (socket) => socket.write(answer));
    await assert.rejects(search(connection), expected);
  }
});

test('a directory that says nothing ends with the signal', async (t) => {
  const connection = await open(t, () => {});
  const ends = new AbortController();

  const silent = connection.checkPassword('uid=ann', 'secret', ends.signal);
  ends.abort();

  await assert.rejects(silent, /did not respond in time/);
});

test('what is added to the answer before TLS is not taken for what was said within', async (t) => {
  const added = Buffer.concat([message(1, result(operations.extendedResult, 0)), message(2, result(operations.bindResult, 0))]);
  const plain = message(1, result(operations.extendedResult, 2));

  await assert.rejects(
    open(t, (socket) => socket.write(added), 'starttls'),
    { name: 'LdapError' },
  );
  await assert.rejects(
    open(t, (socket) => socket.write(plain), 'starttls'),
    /refused the request for TLS/,
  );
});

test('values are elements of their own, whatever characters they have', () => {
  const value = 'ann)(uid=*\\00\0';

  const filter = allOf(isEqualTo('uid', value));

  assert.ok(filter.includes(Buffer.concat([Buffer.from([tags.octets, Buffer.byteLength(value)]), Buffer.from(value)])));
});
