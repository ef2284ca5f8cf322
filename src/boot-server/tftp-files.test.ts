import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { BootPlan } from '#drivers/interfaces.ts';
import { laidPaths, macOfConfig, TftpFiles } from './tftp-files.ts';

let directory = '';
let files: TftpFiles;
const source = () => join(directory, 'kernel-image');
const laid = (path: string) => join(directory, 'tftp', path);

const planOf = (changes: Partial<BootPlan> = {}): BootPlan => ({
  node_uuid: 'node-1',
  folder: 'server-1',
  macs: [{ mac: '52:54:00:AA:00:01'.toLowerCase() }, { mac: '52:54:00:aa:00:02' }],
  firmware: 'pxelinux',
  files: [
    { name: 'kernel', path: source() },
    { name: 'note', content: 'text' },
  ],
  pxelinux_config: 'default boot\n',
  ...changes,
});

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ingot-tftp-'));
  await writeFile(source(), 'kernel');
  files = new TftpFiles(join(directory, 'tftp'));
  await files.prepare();
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('writes the files and one configuration per MAC, and nothing else', async () => {
  await files.lay(planOf());
  assert.equal(await readFile(laid('server-1/kernel'), 'utf8'), 'kernel');
  assert.equal(await readFile(laid('server-1/note'), 'utf8'), 'text');
  assert.deepEqual((await readdir(laid('pxelinux.cfg'))).sort(), ['01-52-54-00-aa-00-01', '01-52-54-00-aa-00-02']);
  assert.deepEqual((await readdir(laid('server-1'))).sort(), ['kernel', 'note']);
  assert.deepEqual(laidPaths(planOf()).length, 4);
});

test('writes the configuration of an InfiniBand port under its hardware type, too', async () => {
  const plan = planOf({ macs: [{ mac: '7c:fe:90:29:26:52', client_id: 'ff:00:07' }], files: [] });
  await files.lay(plan);
  assert.deepEqual((await readdir(laid('pxelinux.cfg'))).sort(), ['01-7c-fe-90-29-26-52', '20-7c-fe-90-29-26-52']);
  for (const path of laidPaths(plan)) assert.equal(macOfConfig(path), '7c:fe:90:29:26:52');
  await files.remove(laidPaths(plan));
  assert.deepEqual(await readdir(laid('pxelinux.cfg')), []);
});

test('links world-readable files, copies private ones, and never changes the original', async () => {
  await chmod(source(), 0o644);
  await files.lay(planOf());
  assert.equal((await stat(laid('server-1/kernel'))).ino, (await stat(source())).ino);
  await files.remove(laidPaths(planOf()));
  await chmod(source(), 0o600);
  await files.lay(planOf());
  const copy = await stat(laid('server-1/kernel'));
  assert.notEqual(copy.ino, (await stat(source())).ino);
  assert.equal(copy.mode & 0o777, 0o644);
  assert.equal((await stat(source())).mode & 0o777, 0o600);
});

test('does not make a copy that would fill the disk, and leaves nothing of it', async () => {
  await chmod(source(), 0o600);
  const careful = new TftpFiles(join(directory, 'tftp'), Number.MAX_SAFE_INTEGER);
  await assert.rejects(careful.lay(planOf()), { code: 'noSpace' });
  const left: string[] = await readdir(laid('server-1')).catch(() => []);
  assert.deepEqual(
    left.filter((name) => name.includes('kernel')),
    [],
  );
});

test('writing again keeps unchanged files and replaces changed ones', async () => {
  await chmod(source(), 0o600);
  await files.lay(planOf());
  const before = await stat(laid('server-1/kernel'));
  await files.lay(planOf());
  assert.equal((await stat(laid('server-1/kernel'))).ino, before.ino);
  await writeFile(source(), 'another kernel');
  await files.lay(planOf());
  assert.equal(await readFile(laid('server-1/kernel'), 'utf8'), 'another kernel');
});

test('removes the folder once it is empty, and can be repeated', async () => {
  await files.lay(planOf());
  await files.remove(['server-1/kernel']);
  assert.deepEqual(await readdir(laid('server-1')), ['note']);
  await files.remove(laidPaths(planOf()));
  await files.remove(laidPaths(planOf()));
  assert.deepEqual(await readdir(laid('')), ['pxelinux.cfg']);
  assert.deepEqual(await readdir(laid('pxelinux.cfg')), []);
});

test('a sweep removes files that belong to no plan', async () => {
  await files.lay(planOf());
  await files.lay(planOf({ node_uuid: 'node-2', folder: 'server-2', macs: [{ mac: '52:54:00:aa:00:03' }] }));
  await files.sweep([planOf()]);
  assert.deepEqual((await readdir(laid(''))).sort(), ['pxelinux.cfg', 'server-1']);
  assert.equal((await readdir(laid('pxelinux.cfg'))).length, 2);
});
