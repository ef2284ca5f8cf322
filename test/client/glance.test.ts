/** Referee test: the unmodified `glance` client stages and imports image data. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { createImageFiles } from '#images/image-files.ts';
import { aWebServer, type WebServer } from '#test/a-web-server.ts';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';

const hasClient = spawnSync('glance', ['--version']).status === 0;
const skip = hasClient ? false : 'the glance client is not installed (apt: python3-glanceclient)';
const run = promisify(execFile);

let fixture: ApiFixture;
let env: NodeJS.ProcessEnv;
let web: WebServer;
let directory: string;
before(async () => {
  web = await aWebServer({ '/kernel': (_, reply) => void reply.end('a kernel') });
  const log = pino({ level: 'silent' });
  fixture = await openApiFixture({
    settings: { 'images.import_addresses': '127.0.0.1', 'images.import_ports': new URL(web.url).port },
    images: (store, stateDir) => createImageFiles({ store, directory: join(stateDir, 'images'), log }),
  });
  ({ env } = await fixture.listen());
  directory = await mkdtemp(join(tmpdir(), 'ingot-client-'));
});
after(async () => {
  await fixture.close();
  await web.close();
  await rm(directory, { recursive: true, force: true });
});

async function glance(...args: string[]): Promise<string> {
  // The client takes its standard input for image data, unless it is closed.
  const { stdout } = await run('sh', ['-c', 'exec glance "$@" <&-', 'glance', ...args], { env: { ...env, HOME: directory } });
  return stdout;
}

test('shows how image data is imported', { skip }, async () => {
  // The table breaks lines anywhere.
  const info = (await glance('import-info')).replace(/[\s|]/g, '');
  for (const method of ['glance-direct', 'web-download', 'copy-image']) assert.ok(info.includes(method), info);
  assert.match(await glance('stores-info'), /local/);
});

test('stages and imports a file', { skip }, async () => {
  const file = join(directory, 'kernel');
  await writeFile(file, 'a kernel');
  const create = ['image-create-via-import', '--name', 'staged', '--disk-format', 'aki', '--container-format', 'aki'];

  await glance(...create, '--import-method', 'glance-direct', '--file', file);
  await fixture.imports.idle();

  const [image] = await fixture.store.images.list({ name: 'staged' });
  assert.equal(image?.status, 'active');
  assert.match(await glance('image-show', image?.id ?? ''), /os_glance_importing_to_stores/);
  assert.match(await glance('task-list'), /api_image_import.*success/);
});

test('imports from a web server, and reports what is refused', { skip }, async () => {
  const create = ['image-create-via-import', '--name', 'by url', '--disk-format', 'aki', '--container-format', 'aki'];
  const from = (uri: string) => glance(...create, '--import-method', 'web-download', '--uri', uri);

  await from(`${web.url}/kernel`);
  await fixture.imports.idle();

  const [image] = await fixture.store.images.list({ name: 'by url' });
  assert.deepEqual([image?.status, image?.size], ['active', 8]);
  await assert.rejects(from('http://169.254.169.254/'), /URI for web-download does not pass filtering/);
});
