import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { failureOf, sessionPath, startRedfishService } from '#test/a-redfish-service.ts';

const systemPath = '/redfish/v1/Systems/1';
const system = { body: { '@odata.id': systemPath, PowerState: 'On' } };
const login = `POST ${sessionPath}`;
const asking = `GET ${systemPath}`;

/** Base registry message for an unknown session. */
const unauthorized = {
  status: 401,
  body: {
    error: {
      code: 'Base.1.8.GeneralError',
      message: 'A general error has occurred. See ExtendedInfo for more information.',
      '@Message.ExtendedInfo': [
        {
          '@odata.type': '#Message.v1_1_1.Message',
          MessageId: 'Base.1.8.NoValidSession',
          Message: 'There is no valid session established with the implementation.',
          Severity: 'Critical',
          Resolution: 'Establish a session before attempting any operations.',
        },
      ],
    },
  },
};
const full = {
  status: 503,
  body: {
    error: {
      code: 'Base.1.8.SessionLimitExceeded',
      message: 'The session establishment failed due to the number of simultaneous sessions exceeding the limit.',
    },
  },
};

suite('a session', () => {
  test('is opened once, shared by all requests, and deleted at the end', async (t) => {
    const fixture = await startRedfishService(t, { [asking]: system, [`DELETE ${sessionPath}/1`]: { status: 204 } });
    const client = fixture.open();
    await Promise.all([client.get(systemPath), client.get(systemPath)]);
    await client.close();
    assert.deepEqual(fixture.names(), ['GET /redfish/v1/', login, asking, asking, `DELETE ${sessionPath}/1`]);
    assert.deepEqual(fixture.asked[1]?.body, { UserName: 'admin', Password: 'open sesame' });
    assert.equal(fixture.asked[0]?.headers['x-auth-token'], undefined);
    for (const { headers } of fixture.asked.slice(2)) {
      assert.equal(headers['x-auth-token'], 't1');
      assert.equal(headers.authorization, undefined);
    }
    assert.equal(fixture.connections(), 1);
  });

  test('that the service has lost is renewed once', async (t) => {
    const fixture = await startRedfishService(t, { [asking]: [system, unauthorized, system] });
    const client = fixture.open();
    await client.get(systemPath);
    assert.equal((await client.get(systemPath)).body['PowerState'], 'On');
    assert.deepEqual(fixture.names().slice(3), [asking, `DELETE ${sessionPath}/1`, login, asking]);
    assert.equal(fixture.asked.at(-1)?.headers['x-auth-token'], 't2');
  });

  test('with limited privileges serves the other requests, and none remains', async (t) => {
    const secret = 'GET /redfish/v1/AccountService';
    const script = { [asking]: system, [secret]: unauthorized, [`DELETE ${sessionPath}/1`]: { status: 204 } };
    const fixture = await startRedfishService(t, script);
    const client = fixture.open();
    await client.get(systemPath);
    await failureOf(client.get('/redfish/v1/AccountService'));
    assert.equal((await client.get(systemPath)).body['PowerState'], 'On');
    assert.deepEqual(fixture.names().slice(3), [secret, `DELETE ${sessionPath}/1`, login, secret, asking]);
  });

  test('is not renewed forever', async (t) => {
    const fixture = await startRedfishService(t, { [asking]: unauthorized });
    const client = fixture.open();
    const error = await failureOf(client.get(systemPath));
    assert.equal(error.failure, 'refused');
    assert.deepEqual(error.messageIds, ['Base.1.8.NoValidSession']);
    assert.equal(fixture.names().filter((name) => name === login).length, 2);
  });

  test('whose Location names an internal host is deleted all the same', async (t) => {
    const created = { status: 201, headers: { 'x-auth-token': 'tok', location: `https://10.0.0.9${sessionPath}/9` }, body: {} };
    const fixture = await startRedfishService(t, { [login]: created, [asking]: system });
    const client = fixture.open();
    await client.get(systemPath);
    await client.close();
    assert.equal(fixture.names().at(-1), `DELETE ${sessionPath}/9`);
  });
});

test('an unused session is deleted, and another one opened later', async (t) => {
  const fixture = await startRedfishService(t, { [asking]: system });
  const given = Promise.withResolvers<void>();
  fixture.script[`DELETE ${sessionPath}/1`] = () => {
    given.resolve();
    return { status: 204 };
  };
  const client = fixture.open({}, { idleMs: 5 });
  await client.get(systemPath);
  await given.promise;
  await client.get(systemPath);
  assert.deepEqual(fixture.names().slice(1, 6), [login, asking, `DELETE ${sessionPath}/1`, login, asking]);
});

suite('a rejected password', () => {
  test('is not retried, neither by queued requests nor soon after', async (t) => {
    const fixture = await startRedfishService(t, { [login]: unauthorized, [asking]: system });
    const client = fixture.open();
    const errors = await Promise.all([1, 2, 3].map(() => failureOf(client.get(systemPath))));
    for (const { failure, message } of errors) {
      assert.equal(failure, 'refused');
      assert.ok(!message.includes('sesame'));
    }
    await failureOf(client.get(systemPath));
    assert.equal(fixture.names().filter((name) => name === login).length, 1);
  });

  test('is retried when its delay is over', async (t) => {
    const fixture = await startRedfishService(t, { [login]: unauthorized, [asking]: system });
    const client = fixture.open({}, { refusalMs: 0 });
    await failureOf(client.get(systemPath));
    await failureOf(client.get(systemPath));
    assert.equal(fixture.names().filter((name) => name === login).length, 2);
  });

  test('is remembered with basic authentication, too', async (t) => {
    const fixture = await startRedfishService(t, { [asking]: unauthorized });
    const client = fixture.open({ auth: 'basic' });
    await failureOf(client.get(systemPath));
    await failureOf(client.get(systemPath));
    assert.deepEqual(fixture.names(), [asking]);
    assert.equal(fixture.asked[0]?.headers.authorization, `Basic ${Buffer.from('admin:open sesame').toString('base64')}`);
  });
});

suite('if no session is free', () => {
  test('uses basic authentication if allowed', async (t) => {
    const fixture = await startRedfishService(t, { [login]: full, [asking]: system });
    const client = fixture.open({ auth: 'auto' });
    await client.get(systemPath);
    await client.get(systemPath);
    assert.equal(fixture.names().filter((name) => name === login).length, 1);
    assert.match(fixture.asked.at(-1)?.headers.authorization ?? '', /^Basic /);
  });

  test('retries if a session is required', async (t) => {
    const created = { status: 201, headers: { 'x-auth-token': 'late' }, body: {} };
    const fixture = await startRedfishService(t, { [login]: [full, full, created], [asking]: system });
    await fixture.open().get(systemPath);
    assert.equal(fixture.asked.at(-1)?.headers['x-auth-token'], 'late');
  });

  test('reports the service if none gets free', async (t) => {
    const fixture = await startRedfishService(t, { [login]: full, [asking]: system });
    const error = await failureOf(fixture.open({}, { readMs: 3_000, fullPauseMs: 2_000 }).get(systemPath));
    assert.equal(error.failure, 'answered');
    assert.match(error.message, /number of simultaneous sessions/);
  });
});

test('uses basic authentication with a service without sessions', async (t) => {
  const fixture = await startRedfishService(t, { 'GET /redfish/v1/': { body: {} }, [login]: { status: 404 }, [asking]: system });
  await fixture.open({ auth: 'auto' }).get(systemPath);
  assert.match(fixture.asked.at(-1)?.headers.authorization ?? '', /^Basic /);
});

test('sends no password to a service that needs none', async (t) => {
  const fixture = await startRedfishService(t, { [asking]: system });
  await fixture.open({ user: '', password: '' }).get(systemPath);
  assert.deepEqual(fixture.names(), [asking]);
  assert.equal(fixture.asked[0]?.headers.authorization, undefined);
});
