/** The HTTPS listener for events: its certificate, and which clients can verify it. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { readSettings } from '#settings.ts';
import { anEventListener } from '#test/an-event-listener.ts';
import { freePort } from '#test/free-port.ts';
import { runTool } from '#tools/run-tool.ts';
import { loadEventCertificate } from './event-certificate.ts';

async function aFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-certificate-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function aSite(flags: Record<string, string> = {}) {
  return readSettings({ flags: { 'provisioning.address': '127.0.0.1', ...flags } });
}

/** Made with the openssl program. @returns paths */
async function aCertificate(folder: string, name: string): Promise<Record<'certificate' | 'key', string>> {
  const [certificate, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', certificate];
  await runTool('openssl', ['req', '-x509', ...made, '-subj', '/CN=site', '-addext', 'subjectAltName=IP:127.0.0.1']);
  return { certificate, key };
}

type Post = { url: string; ca: string; method?: string };

function send({ url, ca, method = 'POST' }: Post): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, ca, agent: false }, (reply) => {
      reply.resume();
      reply.on('end', () => resolve(reply.statusCode ?? 0));
    });
    sent.on('error', reject);
    sent.end(method === 'POST' ? '{"Events":[]}' : undefined);
  });
}

suite('a certificate of our own', () => {
  test('is generated once for the address, readable by its owner alone', async (t) => {
    const folder = join(await aFolder(t), 'events');
    const made = await loadEventCertificate(aSite(), folder);
    const read = new X509Certificate(made.cert);
    assert.equal(read.checkIP('127.0.0.1'), '127.0.0.1');
    assert.equal((await stat(join(folder, 'events.key'))).mode & 0o777, 0o600);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.deepEqual(await loadEventCertificate(aSite(), folder), made);
  });

  test('is generated again for another address, or if it is damaged', async (t) => {
    const folder = await aFolder(t);
    const first = await loadEventCertificate(aSite(), folder);
    const moved = await loadEventCertificate(aSite({ 'provisioning.address': '127.0.0.2' }), folder);
    assert.notEqual(moved.cert, first.cert);
    await writeFile(join(folder, 'events.key'), 'no key');
    const again = await loadEventCertificate(aSite({ 'provisioning.address': '127.0.0.2' }), folder);
    assert.notEqual(again.key, moved.key);
  });
});

suite('a certificate of the site', () => {
  test('is read with its key', async (t) => {
    const folder = await aFolder(t);
    const { certificate, key } = await aCertificate(folder, 'one');
    const settings = aSite({ 'redfish.events_certificate': certificate, 'redfish.events_key': key });
    assert.equal((await loadEventCertificate(settings, folder)).cert, await readFile(certificate, 'utf8'));
  });

  const wrong: [string, (folder: string) => Promise<Record<string, string>>, RegExp][] = [
    [
      'without a key',
      async (folder) => ({ certificate: (await aCertificate(folder, 'one')).certificate }),
      /redfish\.events_key/,
    ],
    [
      'with the key of another',
      async (folder) => ({ ...(await aCertificate(folder, 'one')), key: (await aCertificate(folder, 'two')).key }),
      /key values mismatch/,
    ],
    ['that is not there', async (folder) => ({ certificate: join(folder, 'none'), key: join(folder, 'none') }), /cannot be read/],
  ];
  for (const [title, files, words] of wrong) {
    test(`is rejected ${title}`, async (t) => {
      const folder = await aFolder(t);
      const { certificate = '', key = '' } = await files(folder);
      const settings = aSite({ 'redfish.events_certificate': certificate, 'redfish.events_key': key });
      await assert.rejects(
        loadEventCertificate(settings, folder),
        (error) => error instanceof Fault && error.code === 'eventCertificate' && words.test(error.message),
      );
    });
  }
});

test('delivers events by HTTPS to their subscribers, and serves nothing else', async (t) => {
  const port = await freePort();
  const { boot, events, ownCertificate } = await anEventListener(t, { 'redfish.events_https_port': String(port) });
  assert.deepEqual(boot.eventPlaces, [
    { url: `https://127.0.0.1:${port}`, selfSigned: true },
    { url: boot.addresses.http_url, selfSigned: false },
  ]);
  const heard: unknown[] = [];
  events.onEvent('token', (body) => void heard.push(body));
  const ca = await ownCertificate();
  const [own] = events.destinations('token');
  assert.equal(await send({ url: own?.url ?? '', ca }), 200);
  assert.deepEqual(heard, [{ Events: [] }]);
  assert.equal(await send({ url: `https://127.0.0.1:${port}/redfish-events/other`, ca }), 404);
  for (const path of ['/boot/ipxe/52:54:00:00:00:01', '/agent/v2/images/x'])
    assert.equal(await send({ url: `https://127.0.0.1:${port}${path}`, ca, method: 'GET' }), 404);
});
