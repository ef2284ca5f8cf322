/** Reported deviations in the responses of Redfish services. docs/compatibility.md has the rows. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { failureOf, sessionPath, startRedfishService } from '#test/a-redfish-service.ts';

const systemPath = '/redfish/v1/Systems/1';
const system = { '@odata.id': systemPath, '@odata.type': '#ComputerSystem.v1_6_0.ComputerSystem', PowerState: 'On' };
const internal = { '@Message.ExtendedInfo': [{ MessageId: 'Base.1.4.0.InternalError', Message: 'An internal error.' }] };

// https://github.com/openbmc/bmcweb/issues/98
suite('a resource that was partly read (500)', () => {
  test('is used with its other parts, and that is recorded', async (t) => {
    const fixture = await startRedfishService(t, {
      [`GET ${systemPath}`]: { status: 500, body: { ...system, error: internal } },
    });
    const notices: string[] = [];
    const { body } = await fixture.open({}, { upsetMs: 1 }).get(systemPath, { notice: (reported) => notices.push(reported) });
    assert.equal(body['PowerState'], 'On');
    assert.deepEqual(notices, [`GET ${systemPath}: 500, and what the service could read`]);
  });

  for (const [title, body] of [
    ['an error alone', { error: internal }],
    ['another resource', { ...system, '@odata.id': '/redfish/v1/Systems/2' }],
  ] as const) {
    test(`is not ${title}`, async (t) => {
      const fixture = await startRedfishService(t, { [`GET ${systemPath}`]: { status: 500, body } });
      assert.equal((await failureOf(fixture.open({}, { upsetMs: 1 }).get(systemPath))).status, 500);
    });
  }

  test('is no reply to a command', async (t) => {
    const script = { [`GET ${systemPath}`]: { body: system }, [`PATCH ${systemPath}`]: { status: 500, body: system } };
    const fixture = await startRedfishService(t, script);
    assert.equal((await failureOf(fixture.open().patch(systemPath, { AssetTag: 'a' }))).status, 500);
  });
});

// https://github.com/stmcginnis/gofish/issues/190
suite('a service root that exists only without its trailing slash', () => {
  const refused = { status: 401, body: { error: { code: 'Base.1.0.AccessDenied', message: 'log on first' } } };
  const root = { Links: { Sessions: { '@odata.id': '/redfish/v1/Sessions' } }, Systems: { '@odata.id': '/redfish/v1/Systems' } };
  const script = {
    'GET /redfish/v1/': refused,
    'GET /redfish/v1': { body: root },
    'POST /redfish/v1/Sessions': { status: 201, headers: { 'x-auth-token': 't' } },
    [`GET ${systemPath}`]: { body: system },
  };

  test('is found once, and gives the sessions URL', async (t) => {
    const fixture = await startRedfishService(t, script);
    const client = fixture.open();
    assert.equal((await client.get(systemPath)).body['PowerState'], 'On');
    assert.ok('Systems' in (await client.get('/redfish/v1/')).body);
    assert.deepEqual(fixture.names(), [
      'GET /redfish/v1/',
      'GET /redfish/v1',
      'POST /redfish/v1/Sessions',
      `GET ${systemPath}`,
      'GET /redfish/v1',
    ]);
  });

  test('is found with basic authentication, too, and no password is sent where it is rejected', async (t) => {
    const fixture = await startRedfishService(t, script);
    assert.ok('Systems' in (await fixture.open({ auth: 'basic' }).get('/redfish/v1/')).body);
    const reported = fixture.asked.map(({ name, headers }) => [name, 'authorization' in headers]);
    assert.deepEqual(reported, [
      ['GET /redfish/v1/', false],
      ['GET /redfish/v1', false],
      ['GET /redfish/v1', true],
    ]);
  });

  test('is read twice if both forms are rejected, and the usual paths are tried', async (t) => {
    const fixture = await startRedfishService(t, {
      'GET /redfish/v1/': refused,
      'GET /redfish/v1': refused,
      [`GET ${systemPath}`]: { body: system },
    });
    assert.equal((await fixture.open().get(systemPath)).body['PowerState'], 'On');
    assert.deepEqual(fixture.names().slice(0, 3), ['GET /redfish/v1/', 'GET /redfish/v1', `POST ${sessionPath}`]);
  });
});

// https://github.com/DMTF/python-redfish-library/pull/177 and https://github.com/openbmc/openbmc/issues/3353
test('a session without a Location is deleted by the path in its body', async (t) => {
  const own = `${sessionPath}/H6aqsDdd0c`;
  const fixture = await startRedfishService(t, {
    [`POST ${sessionPath}`]: { status: 200, headers: { 'x-auth-token': 't' }, body: { '@odata.id': own, Id: 'H6aqsDdd0c' } },
    [`GET ${systemPath}`]: { body: system },
    [`DELETE ${own}`]: { status: 204 },
  });
  const client = fixture.open();
  await client.get(systemPath);
  await client.close();
  assert.equal(fixture.names().at(-1), `DELETE ${own}`);
});

// https://github.com/stmcginnis/gofish/pull/511: a web server that compresses and marks the ETag accordingly.
test('an ETag altered by compression is replaced by that of the resource', async (t) => {
  const [own, marked] = ['"abc"', '"abc-gzip"'];
  const fixture = await startRedfishService(t, {
    [`GET ${systemPath}`]: { headers: { etag: marked }, body: { ...system, '@odata.etag': own } },
    [`PATCH ${systemPath}`]: ({ headers }) => ({ status: headers['if-match'] === own ? 204 : 412 }),
  });
  await fixture.open().patch(systemPath, { AssetTag: 'a' });
  const tried = fixture.asked.filter(({ name }) => name.startsWith('PATCH')).map(({ headers }) => headers['if-match']);
  assert.deepEqual(tried, [marked, own]);
});

// https://github.com/ansible-collections/community.general/pull/5580
test('a task waiting for user intervention is reported with its reason, and not waited for', async (t) => {
  const task = '/redfish/v1/TaskService/Tasks/1';
  const fixture = await startRedfishService(t, {
    [`POST ${systemPath}/Go`]: { status: 202, headers: { location: task } },
    [`GET ${task}`]: { body: { TaskState: 'UserIntervention', Messages: [{ Message: 'Reset the network adapter.' }] } },
  });
  const failure = await failureOf(fixture.open({}, { taskPauseMs: 1 }).post(`${systemPath}/Go`, {}));
  assert.match(failure.message, /waits for somebody \(UserIntervention\); Reset the network adapter\./);
});

// https://github.com/kubevirtbmc/kubevirtbmc/issues/315
test('a rejection that is a quoted string is reported with its text', async (t) => {
  const fixture = await startRedfishService(t, { [`POST ${systemPath}/Go`]: { status: 400, body: 'EOF' } });
  assert.match((await failureOf(fixture.open().post(`${systemPath}/Go`, {}))).message, /400 Bad Request; EOF$/);
});
