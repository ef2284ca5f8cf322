import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { aNode } from '#test/a-task.ts';
import { createFileConsole } from './index.ts';

let folder: string;
let fileConsole: ReturnType<typeof createFileConsole>;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-console-'));
  fileConsole = createFileConsole([folder]);
});
after(() => rm(folder, { recursive: true, force: true }));

const node = (console_file?: string) => ({
  ...aNode({ driver_info: { ...(console_file !== undefined && { console_file }) } }),
  ports: [],
});

test('returns the last lines, as tail does', async () => {
  for (const [name, text] of Object.entries({
    closed: 'one\ntwo\nthree\n',
    open: 'one\ntwo\nlogin: ',
    empty: '',
    blank: '\n\n',
  })) {
    const path = join(folder, name);
    await writeFile(path, text);
    assert.equal(await fileConsole.log(node(path)), text);
    for (const lines of [0, 1, 2, 9]) {
      const expected = execFileSync('tail', ['-n', String(lines), path], { encoding: 'utf8' });
      assert.equal(await fileConsole.log(node(path), { lines }), expected, `${name} ${lines}`);
    }
  }
});

test('returns no log without a file, and does not wait for a pipe', async () => {
  assert.equal(await fileConsole.log(node(join(folder, 'missing'))), null);
  assert.equal(await fileConsole.log(node()), null);
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  assert.equal(await fileConsole.log(node(join(folder, 'pipe'))), '');
});

test('rejects a relative path', () => {
  fileConsole.validate(node());
  assert.throws(() => fileConsole.validate(node('console.log')), { code: 'driverInfo', message: /absolute/ });
});

test('returns the end of a very long log', async () => {
  const path = join(folder, 'long');
  await writeFile(path, `${'x'.repeat(3 * 1024 * 1024)}\nend\n`);
  const text = await fileConsole.log(node(path));
  assert.equal(text?.length, 1024 * 1024);
  assert.equal(await fileConsole.log(node(path), { lines: 1 }), 'end\n');
});

test('rejects files outside the console folders, by every kind of path', async () => {
  const link = join(folder, 'link');
  await symlink('/etc/passwd', link);
  for (const path of ['/etc/passwd', `${folder}/../../etc/passwd`, `${folder}-beside/log`]) {
    assert.throws(() => fileConsole.validate(node(path)), { code: 'driverInfo', message: /console\.folders/ });
    await assert.rejects(fileConsole.log(node(path)), { code: 'driverInfo' });
  }
  assert.equal(await fileConsole.log(node(link)), null);
});

test('omits output before a position, and starts over after a rotation', async () => {
  const path = join(folder, 'shared');
  await writeFile(path, 'former owner: secret\n');
  const since = await fileConsole.position(node(path));
  await appendFile(path, 'new owner\n');
  assert.equal(await fileConsole.log(node(path), { since: since ?? '' }), 'new owner\n');
  await rename(path, `${path}.1`);
  await writeFile(path, 'after the rotation, and longer than what was there before\n');
  assert.match((await fileConsole.log(node(path), { since: since ?? '' })) ?? '', /^after the rotation/);
});
