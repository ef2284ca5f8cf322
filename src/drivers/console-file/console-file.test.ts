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

test('the last lines, as tail gives them', async () => {
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

test('no file, no log; a pipe is not waited for', async () => {
  assert.equal(await fileConsole.log(node(join(folder, 'missing'))), null);
  assert.equal(await fileConsole.log(node()), null);
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  assert.equal(await fileConsole.log(node(join(folder, 'pipe'))), '');
});

test('a relative path is refused', () => {
  fileConsole.validate(node());
  assert.throws(() => fileConsole.validate(node('console.log')), { code: 'driverInfo', message: /absolute/ });
});

test('of a very long log the end is given', async () => {
  const path = join(folder, 'long');
  await writeFile(path, `${'x'.repeat(3 * 1024 * 1024)}\nend\n`);
  const text = await fileConsole.log(node(path));
  assert.equal(text?.length, 1024 * 1024);
  assert.equal(await fileConsole.log(node(path), { lines: 1 }), 'end\n');
});

test("files elsewhere on this host are nobody's console, by whatever way they are named", async () => {
  const link = join(folder, 'link');
  await symlink('/etc/passwd', link);
  for (const path of ['/etc/passwd', `${folder}/../../etc/passwd`, `${folder}-beside/log`]) {
    assert.throws(() => fileConsole.validate(node(path)), { code: 'driverInfo', message: /console\.folders/ });
    await assert.rejects(fileConsole.log(node(path)), { code: 'driverInfo' });
  }
  assert.equal(await fileConsole.log(node(link)), null);
});

test('what was printed before a position is left out; a file that was rotated since is shown from its beginning', async () => {
  const path = join(folder, 'shared');
  await writeFile(path, 'former owner: secret\n');
  const since = await fileConsole.position(node(path));
  await appendFile(path, 'new owner\n');
  assert.equal(await fileConsole.log(node(path), { since: since ?? '' }), 'new owner\n');
  await rename(path, `${path}.1`);
  await writeFile(path, 'after the rotation, and longer than what was there before\n');
  assert.match((await fileConsole.log(node(path), { since: since ?? '' })) ?? '', /^after the rotation/);
});
