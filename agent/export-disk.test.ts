import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '#test/free-port.ts';
import { chapAccount } from '../agent-protocol/classic.ts';
import { exportDisk } from './export-disk.ts';
import { findDisk } from './find-disk.ts';
import { IscsiTarget } from './iscsi-target.ts';
import { Log } from './log.ts';
import { fileMachine } from './machine.ts';
import type { ClassicOptions } from './options.ts';
import { runProgram } from './run-program.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'ingot-agent-'));
const disk = join(folder, 'disk');
const mebibyte = 1024 ** 2;
const iqn = 'iqn-5f3c1b1e-0000-4000-8000-000000000001';
let stop = new AbortController();
const hasTgt = existsSync('/usr/sbin/tgtd') && existsSync('/usr/lib/x86_64-linux-gnu/qemu/block-iscsi.so');
const skip = hasTgt ? false : 'needs the Debian packages tgt and qemu-block-extra';
beforeEach(() => {
  stop = new AbortController();
});
// A failed assertion must not leave an export waiting for its `done`.
afterEach(() => stop.abort());
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Writes a raw file to the disk as a user-space initiator does. */
function writeOver(port: number, source: string, account: { user?: string; password?: string }): Promise<unknown> {
  const login = Object.entries(account).map(([name, value]) => `,file.${name}=${value}`);
  const target = `driver=raw,file.driver=iscsi,file.transport=tcp,file.portal=127.0.0.1:${port},file.target=${iqn},file.lun=1${login.join('')}`;
  return run('qemu-img', ['convert', '-n', '-f', 'raw', '--target-image-opts', source, target], { timeout: 30_000 });
}

/** The deploy helper of the classic chain: receives the POST and sends the configured response. */
async function helper(t: TestContext, { status = 200, text = '' } = {}) {
  const close = () => server.close();
  t.after(close);
  const posted = Promise.withResolvers<URLSearchParams>();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    response.writeHead(status).end(text);
    posted.resolve(new URLSearchParams(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, form: posted.promise };
}

async function classicOptions(helperPort: number): Promise<ClassicOptions> {
  return {
    iqn,
    deploymentId: '42',
    deploymentKey: 'the-key',
    disks: ['nothing/here', disk],
    bootServer: '127.0.0.1',
    helperPort,
    iscsiPort: await freePort(),
    donePort: await freePort(),
  };
}

function sayDone(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('done'));
    socket.on('close', () => resolve()).on('error', reject);
  });
}

test('posts the disk to the deploy helper, serves an authenticated initiator, and ends on done', { skip }, async (t) => {
  writeFileSync(disk, Buffer.alloc(64 * mebibyte));
  const content = Buffer.concat([
    randomBytes(3 * mebibyte),
    Buffer.alloc(20 * mebibyte),
    randomBytes(5000),
    Buffer.alloc(mebibyte * 2 - 5000),
  ]);
  const image = join(folder, 'image');
  writeFileSync(image, content);
  const deployHelper = await helper(t);
  const classic = await classicOptions(deployHelper.port);
  const lines: string[] = [];
  const files = fileMachine([disk], () => {});
  const system = { vendor: 'v', product: 'p', serial: 'CZJ 1', uuid: '4c4c4544-0031-4d10-8052-b4c04f333231' };

  const exported = exportDisk({
    classic,
    machine: { ...files, inventory: () => ({ ...files.inventory(), system }) },
    log: new Log((line) => lines.push(line)),
    signal: stop.signal,
  });
  const form = await deployHelper.form;
  assert.deepEqual(Object.fromEntries(form), {
    i: '42',
    k: 'the-key',
    a: '127.0.0.1',
    n: iqn,
    p: `${classic.iscsiPort}`,
    l: '1',
    u: system.uuid,
    s: 'CZJ 1',
  });
  await assert.rejects(writeOver(classic.iscsiPort, image, {}), /513|[Aa]uth/);
  await assert.rejects(writeOver(classic.iscsiPort, image, { user: 'ingot', password: 'not-the-secret-x' }), /[Ll]ogin|[Aa]uth/);
  await writeOver(classic.iscsiPort, image, chapAccount('the-key', iqn));
  await sayDone(classic.donePort);
  await exported;

  assert.ok(readFileSync(disk).subarray(0, content.length).equals(content));
  await assert.rejects(writeOver(classic.iscsiPort, image, chapAccount('the-key', iqn)), /refused|Failed to connect/);
  assert.ok(!lines.join().includes('the-key'), 'no secret in the log');
});

test('rejects an initiator from another address than the boot server', { skip }, async () => {
  writeFileSync(disk, Buffer.alloc(mebibyte));
  const port = await freePort();
  const account = chapAccount('k', iqn);
  const parts = { run: runProgram, log: new Log(() => {}), signal: stop.signal };
  const target = await IscsiTarget.start({ iqn, device: disk, port, account, initiator: '127.0.0.99' }, parts);
  assert.equal(await target.sessions(), 0);
  await assert.rejects(writeOver(port, disk, account), /[Ll]ogin|Failed to/);
  await target.stop();
});

test('reports a failure to the deploy helper and ends', { skip }, async (t) => {
  writeFileSync(disk, Buffer.alloc(mebibyte));
  const deployHelper = await helper(t);
  const classic = { ...(await classicOptions(deployHelper.port)), disks: [folder] };
  const exported = exportDisk({ classic, machine: fileMachine([disk], () => {}), log: new Log(() => {}), signal: stop.signal });
  await assert.rejects(exported, /tgtadm/);
  assert.match((await deployHelper.form).get('e') ?? '', /tgtadm.* failed/);
});

test('does not retry when the deploy helper rejects the key', { skip }, async (t) => {
  writeFileSync(disk, Buffer.alloc(mebibyte));
  const deployHelper = await helper(t, { status: 400, text: 'key is not match' });
  const classic = await classicOptions(deployHelper.port);
  const exported = exportDisk({ classic, machine: fileMachine([disk], () => {}), log: new Log(() => {}), signal: stop.signal });
  await assert.rejects(exported, /the deploy helper answered 400: key is not match/);
});

test('finds a disk that appears late, in order of preference', async () => {
  const devices = mkdtempSync(join(folder, 'dev-'));
  const search = findDisk({ names: ['sda', 'vda'], devices, withinMs: 10_000, signal: stop.signal });
  writeFileSync(join(devices, 'vda'), '');
  assert.equal(await search, join(devices, 'vda'));
  writeFileSync(join(devices, 'sda'), '');
  assert.equal(await findDisk({ names: ['sda', 'vda'], devices, signal: stop.signal }), join(devices, 'sda'));
  const none = findDisk({ names: ['hda'], devices, withinMs: 50, signal: stop.signal });
  await assert.rejects(none, { message: 'none of the disks hda appeared within 0.05 s' });
});

test('ends on done even if the reply to the POST was lost', { skip }, async (t) => {
  writeFileSync(disk, Buffer.alloc(8 * mebibyte));
  // The helper receives it but dies before it responds; the same happens to every retry.
  const posted = Promise.withResolvers<void>();
  const deaf = createServer((request) => {
    request.resume().on('end', () => {
      request.socket.destroy();
      posted.resolve();
    });
  });
  await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
  t.after(() => deaf.close());
  const classic = await classicOptions((deaf.address() as AddressInfo).port);
  const exported = exportDisk({
    classic,
    machine: fileMachine([disk], () => {}),
    log: new Log(() => {}),
    signal: stop.signal,
  });
  await posted.promise;
  await sayDone(classic.donePort);
  await exported;
});
