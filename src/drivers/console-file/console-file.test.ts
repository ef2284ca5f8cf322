import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { aNode } from '#test/a-task.ts';
import { fileConsole } from './index.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-console-'));
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
      assert.equal(await fileConsole.log(node(path), lines), expected, `${name} ${lines}`);
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
  assert.equal(await fileConsole.log(node(path), 1), 'end\n');
});
