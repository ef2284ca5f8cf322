/** How the web servers of BMCs violate HTTP, JSON and TLS, and that no command is sent twice because of it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { suite, type TestContext, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { failureOf, makeIdentity, serviceRoot, sessionPath, startRedfishService } from '#test/a-redfish-service.ts';
import { openRedfishClient } from './client.ts';
import { leniencies } from './exchange.ts';
import { pathOf } from './links.ts';

const systemPath = '/redfish/v1/Systems/1';
const asking = `GET ${systemPath}`;
const resetPath = `${systemPath}/Actions/ComputerSystem.Reset`;
const system = { body: { Id: '1', PowerState: 'On' } };
const json = { 'content-type': 'application/json' };

suite('malformed JSON', () => {
  const bodies = [
    { title: 'a byte order mark', text: '\uFEFF{"Id":"1"}' },
    { title: 'a NUL at the end', text: '{"Id":"1"}\n\0\0' },
    { title: 'a NUL before the end of the line', text: '{"Id":"1"}\0\r\n' },
    { title: 'headers of 40 KiB', text: '{"Id":"1"}', headers: { ...json, 'x-policy': 'p'.repeat(40_000) } },
    { title: 'raw control characters in a text', text: '{"Name":"a\tb\nc\u0001","Id":"1"}' },
    { title: 'the type text/html', text: '{"Id":"1"}', headers: { 'content-type': 'text/html' } },
    { title: 'the type text/plain', text: '{"Id":"1"}', headers: { 'content-type': 'text/plain' } },
    { title: 'gzip that nobody asked for', text: gzipSync('{"Id":"1"}'), headers: { ...json, 'content-encoding': 'gzip' } },
    { title: 'deflate', text: deflateSync('{"Id":"1"}'), headers: { ...json, 'content-encoding': 'Deflate' } },
  ];
  for (const { title, text, headers = json } of bodies) {
    test(`is read: ${title}`, async (t) => {
      const fixture = await startRedfishService(t, { [asking]: { text, headers } });
      assert.equal((await fixture.open().get(systemPath)).body['Id'], '1');
    });
  }

  test('keeps control characters', async (t) => {
    const text = '{"Name":"a\tb\\n\u0002\\"c\u0003"}';
    const fixture = await startRedfishService(t, { [asking]: { text, headers: json } });
    assert.equal((await fixture.open().get(systemPath)).body['Name'], 'a\tb\n\u0002"c\u0003');
  });

  test('keeps the digits of a number beyond double precision, and drops one beyond all doubles', async (t) => {
    const text =
      '{"SerialNumber":12345678901234567890,"Safe":9007199254740991,"Part":1.5,"Huge":1e400,"Big":1e20,"Float":9007199254740993.0}';
    const fixture = await startRedfishService(t, { [asking]: { text, headers: json } });
    const { body } = await fixture.open().get(systemPath);
    const [SerialNumber, Float] = ['12345678901234567890', '9007199254740993.0'];
    assert.deepEqual(body, { SerialNumber, Safe: 9007199254740991, Part: 1.5, Huge: null, Big: 1e20, Float });
  });

  test('is rejected if it is a web page or unpacks to more than the limit', async (t) => {
    const page = { text: '<html>login</html>', headers: { 'content-type': 'text/html' } };
    const bomb = { text: gzipSync(Buffer.alloc(2_000_000, ' ')), headers: { ...json, 'content-encoding': 'gzip' } };
    const fixture = await startRedfishService(t, { [asking]: [page, bomb] });
    const client = fixture.open({}, { replyBytes: 1_000_000 });
    assert.match((await failureOf(client.get(systemPath))).message, /'text\/html', not JSON/);
    assert.match((await failureOf(client.get(systemPath))).message, /unpacks to more than 1000000 bytes/);
  });
});

suite('the status decides', () => {
  test('a truncated 401 is a lost session', async (t) => {
    const fixture = await startRedfishService(t, { [asking]: [system, { status: 401, text: '{"error":', cut: true }, system] });
    const client = fixture.open();
    await client.get(systemPath);
    assert.equal((await client.get(systemPath)).body['PowerState'], 'On');
  });

  test('a truncated rejection is that rejection', async (t) => {
    const fixture = await startRedfishService(t, { [asking]: { status: 404, text: '{"error":{"code"', cut: true } });
    const { failure, status, message } = await failureOf(fixture.open().get(systemPath));
    assert.deepEqual([failure, status, message], ['answered', 404, `${asking}: 404 Not Found`]);
  });

  test('an accepted command is done, whatever the body says', async (t) => {
    for (const answer of [
      { status: 200, text: 'OK', headers: { 'content-type': 'text/plain' } },
      { status: 200, text: '{"a":', headers: json },
      { status: 200, text: '{"a":', cut: true },
      { status: 204 },
      { status: 202 },
    ]) {
      const fixture = await startRedfishService(t, { [`POST ${resetPath}`]: answer });
      await fixture.open().post(resetPath, { ResetType: 'On' });
      assert.equal(fixture.names().filter((name) => name === `POST ${resetPath}`).length, 1);
    }
  });

  test('a rejection with an invalid gzip body is that rejection, and a lost session likewise', async (t) => {
    const odd = { text: '{"error":{}}', headers: { ...json, 'content-encoding': 'gzip' } };
    const fixture = await startRedfishService(t, {
      [asking]: [system, { ...odd, status: 401 }, system, { ...odd, status: 404 }, odd],
      [`POST ${resetPath}`]: { ...odd, status: 200 },
    });
    const client = fixture.open();
    await client.get(systemPath);
    assert.equal((await client.get(systemPath)).body['PowerState'], 'On');
    assert.equal((await failureOf(client.get(systemPath))).status, 404);
    await client.post(resetPath, { ResetType: 'On' });
    assert.match((await failureOf(client.get(systemPath))).message, /no gzip/);
  });

  test('a rejection with an endless body is that rejection, and an accepted command is done', async (t) => {
    const stream = (status: number) => (response: ServerResponse) => {
      response.writeHead(status, { ...json, 'content-length': '100' });
      response.write('{"a":');
    };
    const fixture = await startRedfishService(t, {
      [asking]: [{ stream: stream(404) }, { stream: stream(200) }],
      [`POST ${resetPath}`]: { stream: stream(200) },
    });
    const client = fixture.open({}, { readMs: 500, writeMs: 500 });
    assert.equal((await failureOf(client.get(systemPath))).status, 404);
    await client.post(resetPath, { ResetType: 'On' });
    assert.equal((await failureOf(client.get(systemPath))).failure, 'silent');
    const cancelled = AbortSignal.timeout(50);
    assert.equal((await failureOf(client.get(systemPath, { timeout: 30_000, signal: cancelled }))).failure, 'closed');
  });

  test('a truncated read has failed', async (t) => {
    const fixture = await startRedfishService(t, { [asking]: { text: '{"Id":"1"}', cut: true } });
    assert.match((await failureOf(fixture.open().get(systemPath))).message, /ended early/);
  });
});

suite('a redirect within the service', () => {
  for (const status of [301, 307, 308]) {
    test(`${status} keeps method and body`, async (t) => {
      const fixture = await startRedfishService(t, {
        [`POST ${resetPath}`]: { status, headers: { location: `${resetPath}/` } },
        [`POST ${resetPath}/`]: { status: 204 },
      });
      await fixture.open().post(resetPath, { ResetType: 'On' });
      assert.deepEqual(fixture.asked.at(-1)?.body, { ResetType: 'On' });
    });
  }

  test('a relative location is resolved against the requested URL', async (t) => {
    const fixture = await startRedfishService(t, {
      [asking]: { status: 308, headers: { location: '1/' } },
      [`${asking}/`]: system,
    });
    assert.equal((await fixture.open().get(systemPath)).body['Id'], '1');
  });

  test('303 is followed by a GET without a body', async (t) => {
    const fixture = await startRedfishService(t, {
      [`POST ${resetPath}`]: { status: 303, headers: { location: systemPath } },
      [asking]: system,
    });
    assert.equal((await fixture.open().post(resetPath, { ResetType: 'On' })).body['Id'], '1');
    assert.equal(fixture.asked.at(-1)?.headers['content-length'], undefined);
  });

  test('is followed for the session, too', async (t) => {
    const slashed = `${sessionPath}/`;
    const fixture = await startRedfishService(t, {
      [`POST ${sessionPath}`]: { status: 308, headers: { location: slashed } },
      [`POST ${slashed}`]: { status: 201, headers: { 'x-auth-token': 'tt', location: `${sessionPath}/7` } },
      [asking]: system,
    });
    await fixture.open({ auth: 'auto' }).get(systemPath);
    assert.equal(fixture.asked.at(-1)?.headers['x-auth-token'], 'tt');
  });
});

suite('is replaced by basic authentication for the session', () => {
  const disabled = {
    error: { '@Message.ExtendedInfo': [{ MessageId: 'Base.1.13.ServiceDisabled', Message: 'The service is disabled.' }] },
  };
  const wanted = 'Basic Authentication required but no valid Authorization header provided';
  const refusals = [
    { title: 'a 401 that asks for it', answer: { status: 401, body: { error: { message: wanted } } } },
    { title: '406', answer: { status: 406 } },
    { title: 'the session service is off', answer: { status: 400, body: disabled } },
    { title: 'a redirect to another origin', answer: { status: 302, headers: { location: 'https://elsewhere.example/login' } } },
    { title: 'a redirect to a page of the web server', answer: { status: 303, headers: { location: '/login.html' } } },
  ];
  for (const { title, answer } of refusals) {
    test(title, async (t) => {
      const page = { text: '<html></html>', headers: { 'content-type': 'text/html' } };
      const fixture = await startRedfishService(t, {
        [`POST ${sessionPath}`]: answer,
        'GET /login.html': page,
        [asking]: system,
      });
      assert.equal((await fixture.open({ auth: 'auto' }).get(systemPath)).body['Id'], '1');
      assert.match(String(fixture.asked.at(-1)?.headers.authorization), /^Basic /);
      const refused = await failureOf(fixture.open({ auth: 'session' }).get(systemPath));
      assert.notEqual(refused.failure, 'silent');
    });
  }
});

test('asks for JSON in every request, including those of the session', async (t) => {
  const fixture = await startRedfishService(t, { [asking]: system, [`DELETE ${sessionPath}/1`]: { status: 204 } });
  const client = fixture.open();
  await client.get(systemPath);
  await client.close();
  assert.equal(fixture.asked.length, 4);
  for (const { headers } of fixture.asked) assert.equal(headers.accept, 'application/json');
});

test('a link with double slashes stays on the service', () => {
  assert.equal(pathOf('//redfish/v1//Systems/1'), systemPath);
  assert.equal(pathOf('https://bmc.example//redfish/v1/Systems/1'), systemPath);
  assert.equal(pathOf('/redfish/v1/Systems?x=a//b'), '/redfish/v1/Systems?x=a//b');
});

/** A raw HTTP server: `answer` gets the head of each request and the request's number on its connection. */
async function startRawService(t: TestContext, answer: (socket: Socket, head: string, count: number) => void) {
  const heads: string[] = [];
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    let count = 0;
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (data) => {
      text += data.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end);
        const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
        if (text.length < end + 4 + length) return;
        text = text.slice(end + 4 + length);
        heads.push(head.split(' HTTP')[0] ?? '');
        answer(socket, head, ++count);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = openRedfishClient({ url, user: '', password: '', auth: 'basic', trust: { by: 'nothing' } }, { readMs: 300 });
  t.after(async () => {
    await client.close();
    server.close();
  });
  return { client, heads, connections: () => connections };
}

const good = (body: object) => {
  const text = JSON.stringify(body);
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
};

suite('a dead connection that was announced as kept alive', () => {
  for (const [title, die] of [
    ['cut', (socket: Socket) => socket.destroy()],
    ['silent', () => {}],
  ] as const) {
    test(`${title}: retries a read on a new one, and keeps none from then on`, async (t) => {
      const { client, connections } = await startRawService(t, (socket, _, count) =>
        count === 1 ? void socket.write(good({ Id: '1' })) : die(socket),
      );
      for (let round = 0; round < 4; round++) assert.equal((await client.get(systemPath)).body['Id'], '1');
      assert.equal(connections(), 4);
      assert.deepEqual([...client.leniencies], [leniencies.closesConnections]);
    });
  }

  test('does not send a command twice', async (t) => {
    const { client, heads } = await startRawService(t, (socket, head) =>
      head.startsWith('POST') ? socket.destroy() : void socket.write(good({ Id: '1' })),
    );
    await client.get(systemPath);
    assert.equal((await failureOf(client.post(resetPath, {}))).failure, 'silent');
    assert.equal(heads.filter((head) => head.startsWith('POST')).length, 1);
  });
});

suite('accepts non-standard headers from a BMC that sends them', () => {
  const headTable = {
    folded: (reply: string) => reply.replace('OK\r\n', 'OK\r\nServer: some\r\n BMC\r\n'),
    'with bare line feeds': (reply: string) => reply.replaceAll('\r\n', '\n'),
    'with control characters': (reply: string) => reply.replace('OK\r\n', 'OK\r\nServer: \u0001\r\n'),
    'of another version': (reply: string) => reply.replace('HTTP/1.1', 'HTTP/1.2'),
  };
  for (const [title, spoil] of Object.entries(headTable)) {
    test(title, async (t) => {
      const { client, heads } = await startRawService(t, (socket) => void socket.write(spoil(good({ Id: '1' }))));
      assert.equal((await client.get(systemPath)).body['Id'], '1');
      await client.post(resetPath, {});
      assert.deepEqual(heads, [asking, asking, `POST ${resetPath}`]);
      assert.deepEqual([...client.leniencies], [leniencies.malformedHeaders]);
    });
  }
});

suite('TLS', () => {
  const identity = makeIdentity('IP:127.0.0.1');
  const root = { 'GET /redfish/v1/': { body: serviceRoot }, [asking]: system };

  /** In front of the service: disconnects clients whose first flight exceeds one packet. */
  async function startNarrowDoor(t: TestContext, port: number): Promise<{ url: string; refused: () => number }> {
    let refused = 0;
    const door = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (first) => {
        if (first.length > 1400) {
          refused++;
          return socket.destroy();
        }
        const inner = connect(port, '127.0.0.1').on('error', () => socket.destroy());
        inner.write(first);
        socket.pipe(inner).pipe(socket);
      });
    }).listen(0, '127.0.0.1');
    await once(door, 'listening');
    t.after(() => door.close());
    return { url: `https://127.0.0.1:${(door.address() as AddressInfo).port}`, refused: () => refused };
  }

  test('sends a small ClientHello to a BMC that rejects large ones, and remembers it', async (t) => {
    const fixture = await startRedfishService(t, root, identity);
    const door = await startNarrowDoor(t, Number(new URL(fixture.url).port));
    const client = fixture.open({ url: door.url, trust: { by: 'fingerprint', sha256: identity.sha256 } });
    assert.equal((await client.get(systemPath)).body['Id'], '1');
    assert.equal(door.refused(), 1);
    assert.deepEqual([...client.leniencies], [leniencies.smallHello]);
    await client.close();
  });

  test('reports old versions with the setting that allows them', async (t) => {
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
    const fixture = await startRedfishService(t, root, { ...identity, ...old });
    const { message } = await failureOf(fixture.open().get(systemPath));
    assert.match(message, /only TLS versions before 1\.2; redfish_tls=old in driver_info/);
    assert.equal((await fixture.open({ tls: 'old' }).get(systemPath)).body['Id'], '1');
  });

  test('reports a port without TLS', async (t) => {
    const plain = await startRedfishService(t, root);
    const client = plain.open({ url: plain.url.replace('http:', 'https:') });
    assert.match((await failureOf(client.get(systemPath))).message, /does not speak TLS on this port/);
  });
});
