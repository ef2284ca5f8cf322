import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { createImageFiles, type ImageBounds } from '#images/image-files.ts';
import { type ApiFixture, adminPassword, openApiFixture } from '#test/api-fixture.ts';

const mib = 1024 * 1024;
const run = promisify(execFile);
const log = pino({ level: 'silent' });
/** Limits set by each test. */
const bounds: ImageBounds = { maxBytes: 0, reserve: 0, stallMs: 0 };
const usual: ImageBounds = { maxBytes: 8 * mib, reserve: 0, stallMs: 60_000 };
let folder: string;
let fixture: ApiFixture;
let url: URL;
let token: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-uploads-'));
  fixture = await openApiFixture({
    images: (store, stateDir) => {
      // Limits are settings and do not change; here each upload gets its own store.
      const files = () => createImageFiles({ store, directory: join(stateDir, 'images'), log, bounds: { ...bounds } });
      return {
        directory: files().directory,
        upload: (...args) => files().upload(...args),
        read: (...args) => files().read(...args),
        remove: (id) => files().remove(id),
        stage: (...args) => files().stage(...args),
        staged: (id) => files().staged(id),
        unstage: (id) => files().unstage(id),
      };
    },
  });
  url = new URL((await fixture.listen()).url);
  token = await fixture.logIn('admin', adminPassword, 'admin');
});
after(async () => {
  await fixture.close();
  await rm(folder, { recursive: true, force: true });
});

async function anImage(parts: Partial<ImageBounds> = {}): Promise<string> {
  Object.assign(bounds, usual, parts);
  const payload = { name: 'large', disk_format: 'raw', container_format: 'bare' };
  return (await fixture.ask({ method: 'POST', url: '/image/v2/images', payload })).body.id;
}

/** Sends the headers of an upload; the test then sends the rest. */
function begin(id: string, ...headers: string[]): Socket {
  const socket = connect(Number(url.port), url.hostname);
  const head = [`PUT /image/v2/images/${id}/file HTTP/1.1`, 'Host: x', `X-Auth-Token: ${token}`];
  socket.write([...head, 'Content-Type: application/octet-stream', ...headers, '', ''].join('\r\n'));
  return socket;
}

/** The server's output until it closes the connection. */
async function answerOf(socket: Socket): Promise<string> {
  let said = '';
  socket.setEncoding('latin1').on('data', (text) => {
    said += text;
  });
  socket.on('error', () => {});
  await once(socket, 'end');
  socket.destroy();
  return said;
}

async function assertQueued(id: string): Promise<void> {
  assert.equal((await fixture.ask({ url: `/image/v2/images/${id}` })).body.status, 'queued');
  assert.deepEqual(await readdir(join(fixture.stateDir, 'images', id)).catch(() => []), []);
}

test('rejects more than the size limit before reading the body', async () => {
  const id = await anImage();
  const said = await answerOf(begin(id, `Content-Length: ${8 * mib + 1}`));
  assert.match(said, /^HTTP\/1.1 413 [\s\S]*connection: close[\s\S]*Images may have up to/i);
  await assertQueued(id);
});

test('rejects more than the free space before reading the body', async () => {
  const id = await anImage({ maxBytes: Number.MAX_SAFE_INTEGER });
  const said = await answerOf(begin(id, `Content-Length: ${2 ** 52}`));
  assert.match(said, /^HTTP\/1.1 413 [\s\S]*no space left in the image store/i);
  await assertQueued(id);
});

test('aborts an upload of unknown size at the limit; the client reads the error while still sending', async () => {
  const id = await anImage();
  const file = join(folder, 'endless');
  await writeFile(file, Buffer.alloc(24 * mib, 1));
  const headers = [`X-Auth-Token: ${token}`, 'Content-Type: application/octet-stream', 'Transfer-Encoding: chunked', 'Expect:'];
  const target = `${url.origin}/image/v2/images/${id}/file`;

  const { stdout } = await run('curl', [
    '-sS',
    '-T',
    file,
    ...headers.flatMap((one) => ['-H', one]),
    '-w',
    ' %{http_code}',
    target,
  ]);

  assert.match(stdout, /Images may have up to .* 413$/);
  await assertQueued(id);
});

test('aborts an upload before the disk is full, and the database remains writable', async () => {
  const id = await anImage({ reserve: Number.MAX_SAFE_INTEGER });
  const socket = begin(id, 'Transfer-Encoding: chunked');
  socket.write(`${mib.toString(16)}\r\n`);
  socket.write(Buffer.alloc(mib, 1));
  assert.match(await answerOf(socket), /^HTTP\/1.1 413 [\s\S]*no space left in the image store/i);
  await assertQueued(id);
});

test('aborts a stalled upload', async () => {
  const id = await anImage({ stallMs: 200 });
  const socket = begin(id, 'Content-Length: 1000000');
  socket.write('the beginning');
  assert.match(await answerOf(socket), /^HTTP\/1.1 408 [\s\S]*The upload was aborted/i);
  await assertQueued(id);
});

test('aborts an upload that is too slow', async (t) => {
  const id = await anImage({ stallMs: 300 });
  const socket = begin(id, 'Content-Length: 1000000');
  const trickle = setInterval(() => socket.write('x'), 20);
  t.after(() => clearInterval(trickle));
  assert.match(await answerOf(socket), /^HTTP\/1.1 408 /i);
  await assertQueued(id);
});

test('accepts a slow upload that progresses', async () => {
  const id = await anImage({ stallMs: 1000 });
  const socket = begin(id, `Content-Length: ${3 * mib}`, 'Connection: close');
  const answer = answerOf(socket);
  for (let part = 0; part < 12; part++) {
    socket.write(Buffer.alloc(mib / 4, 1));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.match(await answer, /^HTTP\/1.1 204 /);
});
