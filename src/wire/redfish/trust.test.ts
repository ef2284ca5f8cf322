import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { failureOf, makeIdentity, startRedfishService } from '#test/a-redfish-service.ts';
import { openRedfishClient } from './client.ts';

const right = makeIdentity('IP:127.0.0.1');
const other = makeIdentity('DNS:elsewhere.example');
const system = { 'GET /redfish/v1/Systems/1': { body: { Id: '1' } } };

suite('a service is authenticated', () => {
  test('by the pinned fingerprint on each connection', async (t) => {
    const fixture = await startRedfishService(t, system, right);
    const client = fixture.open({ trust: { by: 'fingerprint', sha256: right.sha256.toUpperCase() } });
    assert.equal((await client.get('/redfish/v1/Systems/1')).body['Id'], '1');
  });

  test('again after it closed the connection, when TLS resumes a session without a certificate', async (t) => {
    for (const trust of [
      { by: 'fingerprint', sha256: right.sha256 },
      { by: 'authority', ca: right.cert.toString() },
    ] as const) {
      const fixture = await startRedfishService(t, system, right);
      const client = fixture.open({ trust });
      for (let round = 1; round <= 3; round += 1) {
        assert.equal((await client.get('/redfish/v1/Systems/1')).status, 200);
        assert.equal(fixture.connections(), round);
        fixture.hangUp();
      }
    }
  });

  test('by a certificate of the configured authority', async (t) => {
    const fixture = await startRedfishService(t, system, right);
    const client = fixture.open({ trust: { by: 'authority', ca: right.cert.toString() } });
    assert.equal((await client.get('/redfish/v1/Systems/1')).status, 200);
  });

  test('or not at all if so configured', async (t) => {
    const fixture = await startRedfishService(t, system, other);
    assert.equal((await fixture.open({ trust: { by: 'nothing' } }).get('/redfish/v1/Systems/1')).status, 200);
  });
});

suite('a service that is not authenticated receives nothing', () => {
  const refusals = [
    { title: 'another fingerprint', trust: { by: 'fingerprint', sha256: '0'.repeat(64) }, identity: right, says: /not 0000/ },
    { title: 'a self-signed certificate', trust: { by: 'authority' }, identity: right, says: /self-signed/ },
    {
      title: 'a certificate for another name',
      trust: { by: 'authority', ca: other.cert.toString() },
      identity: other,
      says: /made for another name/,
    },
  ] as const;
  for (const { title, trust, identity, says } of refusals) {
    test(`${title}: the fault reports the presented certificate`, async (t) => {
      const fixture = await startRedfishService(t, system, identity);
      const { failure, message } = await failureOf(fixture.open({ trust }).get('/redfish/v1/Systems/1'));
      assert.equal(failure, 'untrusted');
      assert.match(message, says);
      assert.ok(message.includes(identity.sha256), 'the fingerprint to pin');
      assert.deepEqual(fixture.names(), []);
    });
  }

  test('a service without TLS', async (t) => {
    const fixture = await startRedfishService(t, system);
    const client = fixture.open({ url: fixture.url.replace('http:', 'https:') });
    assert.equal((await failureOf(client.get('/redfish/v1/Systems/1'))).failure, 'unsupported');
  });
});

test('uses TLS 1.0 only on request', async (t) => {
  const old = { ...right, minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const;
  const fixture = await startRedfishService(t, system, old);
  const { failure } = await failureOf(fixture.open().get('/redfish/v1/Systems/1'));
  assert.equal(failure, 'unsupported');
  assert.equal((await fixture.open({ tls: 'old' }).get('/redfish/v1/Systems/1')).status, 200);
});

test('an impostor at the address of a trusted service receives nothing', async (t) => {
  const asked: string[] = [];
  const server = createServer(right, (request, response) => {
    asked.push(request.url ?? '');
    response.setHeader('connection', 'close').setHeader('content-type', 'application/json').end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const trusts = [
    { by: 'fingerprint', sha256: right.sha256 },
    { by: 'authority', ca: right.cert.toString() },
  ] as const;
  for (const trust of trusts) {
    server.setSecureContext(right);
    const client = openRedfishClient({ url, user: '', password: '', auth: 'basic', trust });
    t.after(() => client.close());
    await client.get('/redfish/v1/Systems/1');
    server.setSecureContext(other);
    asked.length = 0;
    assert.equal((await failureOf(client.get('/redfish/v1/Systems/1'))).failure, 'untrusted');
    assert.deepEqual(asked, []);
  }
});
