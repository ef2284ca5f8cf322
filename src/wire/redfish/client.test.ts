import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type Answer, failureOf, sessionPath, startRedfishService } from '#test/a-redfish-service.ts';
import { createRedfishClientPool } from './client-pool.ts';
import type { Json } from './redfish-client.ts';

const path = '/redfish/v1/Systems/1';
const [get, patch] = [`GET ${path}`, `PATCH ${path}`];
const action = `${path}/Actions/ComputerSystem.Reset`;
const post = `POST ${action}`;

const reported = (entry: Json): Json => ({
  error: { code: 'Base.1.8.GeneralError', message: 'See ExtendedInfo.', '@Message.ExtendedInfo': entry },
});
/** Error response of an iDRAC: Dell EMC, "Implementation of the DMTF Redfish API on PowerEdge Servers", page 40. */
const notInList = {
  MessageId: 'Base.1.8.PropertyValueNotInList',
  Message: "The value 'Blue' for the property IndicatorLED is not in the list of acceptable values.",
  MessageArgs: ['Blue', 'IndicatorLED'],
  MessageSeverity: 'Warning',
  Resolution: 'Choose a value from the enumeration list.',
};

suite('a rejection has the message of the service', () => {
  const shapes: [title: string, body: Json, text: string, id: string][] = [
    ['as an array', reported([notInList]), `${notInList.Message} ${notInList.Resolution}`, notInList.MessageId],
    ['as a single object', reported({ ...notInList, Resolution: 'None.' }), notInList.Message, notInList.MessageId],
    [
      'beside the error',
      { '@Message.ExtendedInfo': [notInList] },
      `${notInList.Message} ${notInList.Resolution}`,
      notInList.MessageId,
    ],
    ['as code and message alone', { error: { code: 'Base.1.0.X', message: 'No.' } }, 'No.', 'Base.1.0.X'],
    ['as an id without words', reported([{ MessageId: 'Base.1.0.Y' }]), 'See ExtendedInfo.', 'Base.1.8.GeneralError'],
  ];
  for (const [title, body, text, id] of shapes) {
    test(title, async (t) => {
      const fixture = await startRedfishService(t, { [get]: { status: 400, body } });
      const error = await failureOf(fixture.open().get(path));
      assert.equal(error.failure, 'answered');
      assert.equal(error.status, 400);
      assert.deepEqual(error.messages, [text]);
      assert.deepEqual(error.messageIds, [id]);
      assert.equal(error.message, `${get}: 400 Bad Request; ${text}`);
    });
  }

  test('in plain text, but not from a web page', async (t) => {
    const fixture = await startRedfishService(t, {
      [post]: [
        { status: 500, text: 'out of memory\n' },
        { status: 502, text: '<html>…' },
      ],
    });
    const client = fixture.open();
    assert.equal((await failureOf(client.post(action, {}))).message, `${post}: 500 Internal Server Error; out of memory`);
    assert.equal((await failureOf(client.post(action, {}))).message, `${post}: 502 Bad Gateway`);
  });

  test('without secrets that it quotes', async (t) => {
    const entry = { MessageId: 'Base.1.8.PropertyValueFormatError', Message: "The value 'hunter22' or 'open sesame' is wrong." };
    const fixture = await startRedfishService(t, { [post]: { status: 400, body: reported([entry]) } });
    const { message } = await failureOf(fixture.open().post(action, { Account: { Password: 'hunter22' } }));
    assert.match(message, /The value '\*\*\*' or '\*\*\*' is wrong/);
  });

  test('without the secrets of a URL, also from a task', async (t) => {
    const url = 'https://me:hunter22@images.example/a.iso?name=a.iso&X-Amz-Signature=abc%2Fdef&token=';
    const entry = { MessageId: 'Base.1.8.ResourceAtUriUnauthorized', Message: `While accessing ${url} or abc/def it failed.` };
    const task = { '@odata.id': '/redfish/v1/TaskService/Tasks/1', TaskState: 'Exception', Messages: [entry] };
    const fixture = await startRedfishService(t, {
      [post]: [
        { status: 400, body: reported([entry]) },
        { status: 202, headers: { location: task['@odata.id'] }, body: task },
      ],
      [`GET ${task['@odata.id']}`]: { body: task },
    });
    const client = fixture.open();

    for (const reported of [/^POST .*: 400/, /its task ended as Exception/]) {
      const { message } = await failureOf(client.post(action, { Image: url }));
      assert.match(message, reported);
      assert.match(message, /me:\*\*\*@images\.example\/a\.iso\?name=a\.iso&X-Amz-Signature=\*\*\*&token= or \*\*\* it/);
    }
  });

  test('403 is a rejection, too', async (t) => {
    const fixture = await startRedfishService(t, { [get]: { status: 403, body: reported([notInList]) } });
    assert.equal((await failureOf(fixture.open().get(path))).failure, 'refused');
  });
});

suite('detects what is no Redfish service', () => {
  const shapes: [title: string, answer: Answer, detail: RegExp][] = [
    ['no JSON', { text: '{"Id": ', headers: { 'content-type': 'application/json' } }, /no JSON/],
    ['a list', { body: [1, 2] }, /no object/],
    ['a number', { body: 7 }, /no object/],
    ['null', { text: 'null', headers: { 'content-type': 'application/json' } }, /no object/],
    ['a web page', { text: '<html></html>', headers: { 'content-type': 'text/html' } }, /'text\/html', not JSON/],
    ['a reply cut off', { body: { Id: '1' }, cut: true }, /ended early/],
    ['a reply without end', { body: { Id: 'x'.repeat(5_000) } }, /larger than 4096 bytes/],
    [
      'a redirect to somebody else',
      { status: 302, headers: { location: 'https://example.org/redfish/v1' } },
      /redirects elsewhere/,
    ],
  ];
  for (const [title, answer, detail] of shapes) {
    test(title, async (t) => {
      const fixture = await startRedfishService(t, { [get]: answer });
      const { failure, message } = await failureOf(fixture.open({}, { replyBytes: 4096 }).get(path));
      assert.equal(failure, title === 'a reply cut off' ? 'disconnected' : 'unfit');
      assert.match(message, detail);
    });
  }

  test('reads an empty body as an empty object', async (t) => {
    const fixture = await startRedfishService(t, { [get]: { status: 204 } });
    assert.deepEqual((await fixture.open().get(path)).body, {});
  });
});

suite('time', () => {
  test('a service that does not reply times out', async (t) => {
    const fixture = await startRedfishService(t, { [get]: { silent: true } });
    assert.equal((await failureOf(fixture.open().get(path, { timeout: 50 }))).failure, 'silent');
  });

  test('a port without a listener is refused', async (t) => {
    const fixture = await startRedfishService(t, {});
    const error = await failureOf(fixture.open({ url: 'http://127.0.0.1:1' }).get(path));
    assert.equal(error.failure, 'silent');
    assert.match(error.message, /connection was refused/);
  });

  test('an aborted request ends at once, running or queued, and blocks no other', async (t) => {
    const heard = Promise.withResolvers<void>();
    let count = 0;
    const answer = () => {
      heard.resolve();
      return count++ === 0 ? { silent: true } : { body: { Id: '1' } };
    };
    const fixture = await startRedfishService(t, { [get]: answer });
    const client = fixture.open({ auth: 'basic' });
    const end = new AbortController();
    const early = [client.get(path, { signal: end.signal }), client.get(path, { signal: end.signal })].map(failureOf);
    const late = client.get(path);
    await heard.promise;
    end.abort();
    for (const { failure } of await Promise.all(early)) assert.equal(failure, 'closed');
    assert.equal((await late).body['Id'], '1');
  });

  test('closing aborts all requests', async (t) => {
    const fixture = await startRedfishService(t, { [get]: { silent: true } });
    const client = fixture.open({ auth: 'basic' });
    const waiting = [client.get(path), client.get(path)].map(failureOf);
    await client.close();
    for (const { failure } of await Promise.all(waiting)) assert.equal(failure, 'closed');
  });

  test('a busy service is retried after its Retry-After', async (t) => {
    const busy = { status: 503, headers: { 'retry-after': '0' } };
    const fixture = await startRedfishService(t, {
      [post]: [busy, { status: 429, headers: { 'retry-after': '0' } }, { status: 204 }],
    });
    assert.equal((await fixture.open().post(action, { ResetType: 'On' })).status, 204);
  });

  test('a failed read is retried once, and a command is not', async (t) => {
    const fixture = await startRedfishService(t, {
      [get]: [{ status: 500, text: '<html>' }, { body: { Id: '1' } }, { status: 502 }, { status: 500 }],
      [patch]: { status: 500 },
    });
    const client = fixture.open({}, { upsetMs: 5 });
    assert.equal((await client.get(path)).body['Id'], '1');
    assert.equal((await failureOf(client.get(path))).status, 500);
    assert.equal((await failureOf(client.patch(path, {}, { etag: '"1"' }))).status, 500);
    assert.equal(fixture.names().filter((name) => name === patch).length, 1);
  });

  test('but not beyond the deadline', async (t) => {
    const fixture = await startRedfishService(t, { [get]: { status: 503, headers: { 'retry-after': '3600' } } });
    assert.equal((await failureOf(fixture.open().get(path))).status, 503);
  });
});

test('follows a few redirects on the same origin', async (t) => {
  const fixture = await startRedfishService(t, {
    [get]: { status: 308, headers: { location: `${path}/` } },
    [`${get}/`]: { body: { Id: '1' } },
    'GET /redfish/v1/Loop': { status: 307, headers: { location: '/redfish/v1/Loop' } },
  });
  const client = fixture.open();
  assert.equal((await client.get(path)).body['Id'], '1');
  assert.equal((await failureOf(client.get('/redfish/v1/Loop'))).status, 307);
  assert.ok(fixture.names().length < 10);
});

suite('a PATCH', () => {
  test('has the ETag of the resource', async (t) => {
    const fixture = await startRedfishService(t, {
      [get]: { body: { Id: '1' }, headers: { etag: '"a"' } },
      [patch]: { status: 204 },
    });
    await fixture.open().patch(path, { AssetTag: 'x' });
    assert.equal(fixture.asked.at(-1)?.headers['if-match'], '"a"');
    assert.deepEqual(fixture.asked.at(-1)?.body, { AssetTag: 'x' });
  });

  for (const [title, etag] of [
    ['none', ''],
    ['a number for one, as iDRAC 9 4.10', 87422082150],
  ] as const) {
    test(`has none if the service has ${title}`, async (t) => {
      const fixture = await startRedfishService(t, { [get]: { body: { '@odata.etag': etag } }, [patch]: { status: 204 } });
      await fixture.open().patch(path, {});
      assert.equal(fixture.asked.at(-1)?.headers['if-match'], undefined);
    });
  }

  const stale = { status: 412, body: reported([{ MessageId: 'Base.1.8.PreconditionFailed', Message: 'changed' }]) };
  test('is repeated with the new ETag in its strong form, then with none, then with any', async (t) => {
    const fixture = await startRedfishService(t, {
      [get]: [{ body: { '@odata.etag': 'W/"1"' } }, { body: { '@odata.etag': 'W/"2"' }, headers: { etag: '""2""' } }],
      [patch]: [stale, { ...stale, status: 428 }, { ...stale, status: 428 }, { status: 200, body: {} }],
    });
    await fixture.open().patch(path, { AssetTag: 'x' });
    const sent = fixture.asked.filter(({ name }) => name === patch).map(({ headers }) => headers['if-match']);
    assert.deepEqual(sent, ['W/"1"', '"2"', undefined, '*']);
  });

  test('with an ETag given is sent once', async (t) => {
    const fixture = await startRedfishService(t, { [patch]: stale });
    assert.equal((await failureOf(fixture.open().patch(path, {}, { etag: '"old"' }))).status, 412);
    assert.equal(fixture.names().filter((name) => name === patch).length, 1);
  });

  test('that was partly applied has failed', async (t) => {
    const body = { AssetTag: 'x', 'IndicatorLED@Message.ExtendedInfo': [notInList] };
    const fixture = await startRedfishService(t, { [get]: { body: {} }, [patch]: { body } });
    const error = await failureOf(fixture.open().patch(path, { AssetTag: 'x', IndicatorLED: 'Blue' }));
    assert.match(error.message, /not all of it was taken; The value 'Blue'/);
  });

  test('that was rejected with status 200, as by an iDRAC 8, has failed', async (t) => {
    const entry = { MessageId: 'IDRAC.1.6.SYS410', Message: 'The attribute is read-only.', Severity: 'Warning' };
    const fixture = await startRedfishService(t, { [get]: { body: {} }, [patch]: { body: reported([entry]) } });
    assert.deepEqual((await failureOf(fixture.open().patch(path, { Boot: {} }))).messageIds, [entry.MessageId]);
  });

  const successes: [string, Json][] = [
    ['of the usual kind', { '@Message.ExtendedInfo': [{ MessageId: 'Base.1.8.Success', Message: 'Done.', Severity: 'OK' }] }],
    // HPE, "Redfish error responses and messages".
    ['in an error, as an iLO does', reported([{ MessageId: 'Base.1.12.Success' }])],
    ['that a reset is needed', reported([{ MessageId: 'iLO.2.8.ResetRequired', Message: 'Later.', Severity: 'Warning' }])],
  ];
  for (const [title, body] of successes) {
    test(`that was accepted with a success message ${title} has not`, async (t) => {
      const fixture = await startRedfishService(t, { [get]: { body: {} }, [patch]: { body } });
      assert.equal((await fixture.open().patch(path, { AssetTag: 'x' })).status, 200);
    });
  }
});

suite('a task', () => {
  const monitor = '/redfish/v1/TaskService/TaskMonitors/7';
  const task = (TaskState: string, more: object = {}) => ({ '@odata.type': '#Task.v1_7_0.Task', Id: '7', TaskState, ...more });
  const accepted = { status: 202, headers: { location: monitor, 'retry-after': '0' }, body: task('New') };

  test('is followed by its monitor to the final reply', async (t) => {
    const running = { status: 202, body: task('Running', { PercentComplete: 40 }) };
    const fixture = await startRedfishService(t, {
      [post]: accepted,
      [`GET ${monitor}`]: [running, { status: 200, body: { done: true } }],
    });
    assert.deepEqual((await fixture.open().post(action, {})).body, { done: true });
  });

  test('is followed despite server errors without a message, and ends with their message', async (t) => {
    const upset = { status: 500 };
    const word = { status: 500, body: { error: { message: 'flash failed' } } };
    const fixture = await startRedfishService(t, {
      [post]: accepted,
      [`GET ${monitor}`]: [upset, upset, upset, upset, { status: 204 }, word],
    });
    assert.equal((await fixture.open({}, { upsetMs: 1, taskPauseMs: 1 }).post(action, {})).status, 204);
    assert.match((await failureOf(fixture.open({}, { upsetMs: 1, taskPauseMs: 1 }).post(action, {}))).message, /flash failed/);
  });

  test('is followed by its resource if the service names no monitor', async (t) => {
    const own = { status: 202, body: { ...task('New'), '@odata.id': '/redfish/v1/TaskService/Tasks/7' } };
    const ended = { body: task('Completed', { TaskStatus: 'OK' }) };
    const fixture = await startRedfishService(t, {
      [post]: own,
      'GET /redfish/v1/TaskService/Tasks/7': [{ body: task('Running') }, { body: task('Suspended') }, ended],
    });
    assert.equal((await fixture.open().post(action, {})).body['TaskState'], 'Completed');
  });

  for (const [state, more] of [
    ['Exception', {}],
    ['Killed', {}],
    ['Cancelled', {}],
    ['Completed', { TaskStatus: 'Critical' }],
  ] as const) {
    test(`that ends as ${state} ${JSON.stringify(more)} reports why`, async (t) => {
      const Messages = [{ MessageId: 'Update.1.0.VerificationFailed', Message: 'The image is broken.', Severity: 'Critical' }];
      const fixture = await startRedfishService(t, {
        [post]: accepted,
        [`GET ${monitor}`]: { body: task(state, { ...more, Messages }) },
      });
      const error = await failureOf(fixture.open().post(action, {}));
      assert.equal(error.failure, 'answered');
      assert.equal(error.message, `${post}: its task ended as ${state}; The image is broken.`);
    });
  }

  test('that disappears at its end has completed', async (t) => {
    const running = { body: { '@odata.type': '#Task.v1_4_3.Task', TaskState: 'Running' } };
    const fixture = await startRedfishService(t, { [post]: accepted, [`GET ${monitor}`]: [running, { status: 404 }] });
    assert.equal((await fixture.open({}, { taskPauseMs: 5 }).post(action, {})).status, 204);
  });

  test('whose monitor replies with an error has failed', async (t) => {
    const fixture = await startRedfishService(t, {
      [post]: accepted,
      [`GET ${monitor}`]: { status: 400, body: reported([notInList]) },
    });
    assert.deepEqual((await failureOf(fixture.open().post(action, {}))).messageIds, [notInList.MessageId]);
  });

  test('that takes too long times out and reports its progress', async (t) => {
    const running = { status: 202, body: task('Running', { PercentComplete: 40 }) };
    const begun = { ...accepted, body: running.body };
    const fixture = await startRedfishService(t, { [post]: begun, [`GET ${monitor}`]: running });
    const { message } = await failureOf(fixture.open().post(action, {}, { taskTimeout: 150 }));
    assert.match(message, /still Running, 40% done after 0.15 s/);
  });

  test('is not followed on request, and ends with the signal', async (t) => {
    const fixture = await startRedfishService(t, { [post]: accepted, [`GET ${monitor}`]: { status: 202 } });
    const client = fixture.open();
    assert.equal((await client.post(action, {}, { task: 'accept' })).status, 202);
    const end = new AbortController();
    const following = failureOf(client.post(action, {}, { signal: end.signal }));
    setTimeout(() => end.abort(), 30);
    assert.equal((await following).failure, 'closed');
  });
});

suite('a collection', () => {
  const all = '/redfish/v1/Systems';
  const [one, two] = [`${all}/1`, `${all}/2`].map((id) => ({ '@odata.id': id, Id: id.slice(-1) }));
  const link = (id: string) => ({ '@odata.id': `${all}/${id}` });

  test('is read over all pages, each member as itself, without those that vanished', async (t) => {
    const fixture = await startRedfishService(t, {
      [`GET ${all}`]: { body: { Members: [link('1'), link('gone')], 'Members@odata.nextLink': `${all}?$skip=2` } },
      [`GET ${all}?$skip=2`]: { body: { Members: [two ?? {}] } },
      [`GET ${all}/1`]: { body: one ?? {} },
    });
    assert.deepEqual(await fixture.open().members(all), [one, two]);
  });

  for (const next of ['?$skip=2', { '@odata.id': `${all}?$skip=2` }]) {
    test(`goes on where the next page is ${JSON.stringify(next)}`, async (t) => {
      const fixture = await startRedfishService(t, {
        [`GET ${all}`]: { body: { Members: [one ?? {}], 'Members@odata.nextLink': next } },
        [`GET ${all}?$skip=2`]: { body: { Members: [two ?? {}] } },
      });
      assert.deepEqual(await fixture.open().members(all), [one, two]);
    });
  }

  test('whose pages loop is rejected', async (t) => {
    const fixture = await startRedfishService(t, { [`GET ${all}`]: { body: { Members: [], 'Members@odata.nextLink': all } } });
    assert.equal((await failureOf(fixture.open().members(all))).failure, 'unfit');
  });

  test('is read with its members in one request if the service can', async (t) => {
    const root = { ProtocolFeaturesSupported: { ExpandQuery: { NoLinks: true, Levels: true } } };
    const fixture = await startRedfishService(t, {
      'GET /redfish/v1/': { body: root },
      [`GET ${all}?$expand=.($levels=1)`]: { body: { Members: [one ?? {}, two ?? {}] } },
    });
    assert.deepEqual(await fixture.open({ auth: 'basic' }).members(all), [one, two]);
    assert.equal(fixture.names().length, 2);
  });

  test('is read without if the service only claims to support it', async (t) => {
    const fixture = await startRedfishService(t, {
      'GET /redfish/v1/': { body: { ProtocolFeaturesSupported: { ExpandQuery: { NoLinks: true } } } },
      [`GET ${all}?$expand=.`]: { status: 501 },
      [`GET ${all}`]: { body: { Members: [link('1')] } },
      [`GET ${all}/1`]: { body: one ?? {} },
    });
    const client = fixture.open();
    assert.deepEqual(await client.members(all), [one]);
    await client.members(all);
    assert.equal(fixture.names().filter((name) => name.includes('expand')).length, 1);
  });
});

suite('a file', () => {
  test('is sent as a form or plain, from disk, again if the session was lost', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ingot-upload-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'bios.bin');
    const bytes = Buffer.alloc(200_000, 'ab');
    writeFileSync(file, bytes);
    const fixture = await startRedfishService(t, {
      'POST /redfish/v1/push': [{ status: 401 }, { status: 200, body: {} }],
      'POST /redfish/v1/raw': { status: 204 },
    });
    const client = fixture.open();

    await client.upload('/redfish/v1/push', [
      { name: 'UpdateParameters', json: { Targets: ['/redfish/v1/x'] } },
      { name: 'UpdateFile', file: 'bios.bin', path: file, size: bytes.length },
    ]);
    await client.push('/redfish/v1/raw', { path: file, size: bytes.length });

    const form = fixture.asked.filter(({ name }) => name === 'POST /redfish/v1/push').at(-1);
    assert.equal(form?.raw.length, Number(form?.headers['content-length']));
    const parsed = await new Response(new Uint8Array(form?.raw ?? []), {
      headers: { 'content-type': form?.headers['content-type'] ?? '' },
    }).formData();
    const parameters = parsed.get('UpdateParameters');
    assert.equal(typeof parameters === 'string' ? parameters : await parameters?.text(), '{"Targets":["/redfish/v1/x"]}');
    const sent = parsed.get('UpdateFile') as File;
    assert.equal(sent.name, 'bios.bin');
    assert.deepEqual(Buffer.from(await sent.arrayBuffer()), bytes);
    assert.deepEqual(fixture.asked.at(-1)?.raw, bytes);
  });
});

suite('an idle connection', () => {
  test('is not used for a command', async (t) => {
    const fixture = await startRedfishService(t, { [get]: { body: {} }, [post]: { status: 204 } });
    const client = fixture.open({ auth: 'basic' });
    await client.get(path);
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 5_000 });
    await client.post(action, {});
    assert.equal(fixture.connections(), 2);
  });
});

suite('the pool', () => {
  test('has one client per service until its credentials change', async (t) => {
    const fixture = await startRedfishService(t, { [get]: { body: {} }, [`DELETE ${sessionPath}/1`]: { status: 204 } });
    const pool = createRedfishClientPool();
    const peer = { url: fixture.url, user: 'a', password: 'first', auth: 'session', trust: { by: 'nothing' } } as const;
    const first = pool.client(peer);
    await first.get(path);
    assert.equal(pool.client({ ...peer }), first);
    const second = pool.client({ ...peer, password: 'second' });
    assert.notEqual(second, first);
    await second.get(path);
    await pool.close();
    assert.ok(fixture.names().includes(`DELETE ${sessionPath}/1`));
    assert.equal((await failureOf(second.get(path))).failure, 'closed');
  });
});
