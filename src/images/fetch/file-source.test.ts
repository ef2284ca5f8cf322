import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { faultOf } from '#test/fault-of.ts';
import { openLocalFile } from './file-source.ts';

let folder: string;
let allowed: string;
let state: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-files-'));
  allowed = join(folder, 'images');
  state = join(allowed, 'state');
  await mkdir(state, { recursive: true });
  await writeFile(join(allowed, 'image'), 'an image');
  await writeFile(join(folder, 'secret'), 'a secret');
  await writeFile(join(state, 'key'), 'a key');
  await symlink('image', join(allowed, 'latest'));
  await symlink('../secret', join(allowed, 'escape'));
  await symlink(folder, join(allowed, 'up'));
  await symlink('/etc/passwd', join(allowed, 'passwd'));
  execFileSync('mkfifo', [join(allowed, 'pipe')]);
});
after(() => rm(folder, { recursive: true, force: true }));

const open = (url: string | URL) => openLocalFile(new URL(url), { folders: [allowed], refused: [state] });
const inAllowed = (name: string) => pathToFileURL(join(allowed, name)).href;
const refusal = async (url: string) => (await faultOf(open(url))).message;

test('opens a file of an allowed folder, also by a link within it', async () => {
  for (const name of ['image', 'latest']) {
    const file = await open(inAllowed(name));
    assert.equal(Buffer.concat(await file.stream.toArray()).toString(), 'an image');
    assert.equal(file.size, 8);
    await file.close();
  }
});

test('refuses what is elsewhere, by dots, by links, and in folders of the system and of Ingot', async () => {
  const elsewhere = /Security: Path .* is not allowed for image source file URLs/;
  for (const name of ['../secret', '%2e%2e/secret', 'escape', 'up/secret'])
    assert.match(await refusal(`${pathToFileURL(allowed).href}/${name}`), elsewhere, name);
  assert.match(await refusal('file:///nonexistent/file'), elsewhere);
  assert.match(await refusal(`${pathToFileURL(allowed).href}-other/image`), elsewhere);
  for (const url of [
    'file:///etc/passwd',
    'file:///dev/zero',
    'file:///proc/self/environ',
    inAllowed('passwd'),
    inAllowed('state/key'),
  ])
    assert.match(await refusal(url), /Security: The path is not permitted in file URLs/, url);
});

test('refuses what is no file, and other forms of URLs', async () => {
  for (const name of ['pipe', 'state/..', 'none']) assert.match(await refusal(inAllowed(name)), /image file not found/, name);
  for (const url of [`file://host${allowed}/image`, `${pathToFileURL(allowed).href}/..%2fsecret`])
    assert.match(await refusal(url), /It must be file:\/\/\/PATH/, url);
});

test('tells another version of a file', async () => {
  const first = await open(inAllowed('image'));
  await writeFile(join(allowed, 'image'), 'an image!');
  const second = await open(inAllowed('image'));
  await Promise.all([first.close(), second.close()]);

  assert.notEqual(first.version, second.version);
});
