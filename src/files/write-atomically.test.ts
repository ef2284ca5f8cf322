import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { moveIntoPlace, removeDrafts, writeAtomically, writeAtomicallySync } from './write-atomically.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-files-'));
after(() => rmSync(folder, { recursive: true }));

const newText = 'new content\n'.repeat(10_000);

/**
 * Runs `statement` in a process of its own that kills itself, without any chance to tidy up, when it calls a function
 * of the file system. @returns the content of the file then
 */
function killedAt(call: string, statement: string): string {
  const path = join(folder, `killed at ${call}`);
  writeFileSync(path, 'old content');
  const program = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const die = () => process.kill(process.pid, 'SIGKILL');
    const { open } = fs.promises;
    const calls = {
      write: () => (fs.promises.open = async (...given) => Object.assign(await open(...given), { writeFile: async function (data) {
        await this.write(data.slice(0, data.length / 2));
        die();
      } })),
      sync: () => (fs.promises.open = async (...given) => Object.assign(await open(...given), { sync: die })),
      rename: () => (fs.promises.rename = die),
      fsyncSync: () => (fs.fsyncSync = die),
      renameSync: () => (fs.renameSync = die),
    };
    calls[${JSON.stringify(call)}]();
    syncBuiltinESMExports();
    const files = await import(${JSON.stringify(join(import.meta.dirname, 'write-atomically.ts'))});
    const newText = 'new content\\n'.repeat(10_000);
    const path = ${JSON.stringify(path)};
    await ${statement};
    console.log('survived');
  `;
  const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  assert.equal(signal, 'SIGKILL', stdout);
  return readFileSync(path, 'utf8');
}

suite('a process that is killed leaves the former content', () => {
  for (const call of ['write', 'sync', 'rename'])
    test(`by a kill at ${call}`, () => assert.equal(killedAt(call, 'files.writeAtomically(path, newText)'), 'old content'));
  for (const call of ['fsyncSync', 'renameSync'])
    test(`by a kill at ${call}`, () => assert.equal(killedAt(call, 'files.writeAtomicallySync(path, newText)'), 'old content'));
});

suite('a written file', () => {
  for (const [name, write] of Object.entries({ writeAtomically, writeAtomicallySync }))
    test(`by ${name} has the content and the exact mode, whatever the umask, and leaves no draft`, async () => {
      const path = join(folder, name);
      const umask = process.umask(0o077);
      try {
        await write(path, 'first');
        assert.equal(statSync(path).mode & 0o777, 0o600);
        await write(path, newText, { mode: 0o644 });
      } finally {
        process.umask(umask);
      }

      assert.equal(readFileSync(path, 'utf8'), newText);
      assert.equal(statSync(path).mode & 0o777, 0o644);
      assert.deepEqual(drafts(name), []);
    });

  test('by many writers at once has the content of one of them', async () => {
    const path = join(folder, 'many');
    const texts = Array.from({ length: 20 }, (_, writer) => `${writer}\n`.repeat(5000));
    await Promise.all(texts.map((text) => writeAtomically(path, text)));

    assert.ok(texts.includes(readFileSync(path, 'utf8')));
    assert.deepEqual(drafts('many'), []);
  });
});

test('a failed write throws, and leaves neither the file nor a draft', async () => {
  await assert.rejects(writeAtomically(join(folder, 'missing', 'file'), 'x'), { code: 'ENOENT' });
  const taken = mkdtempSync(join(folder, 'taken-'));
  writeFileSync(join(taken, 'inside'), '');
  await assert.rejects(writeAtomically(taken, 'x'), { code: 'EISDIR' });

  assert.deepEqual(drafts('taken-'), []);
});

test('moves a draft written by a program into place', async () => {
  const [draft, path] = [join(folder, 'draft'), join(folder, 'moved')];
  writeFileSync(draft, 'by a program');
  writeFileSync(path, 'old content');
  await moveIntoPlace(draft, path);

  assert.equal(readFileSync(path, 'utf8'), 'by a program');
});

function drafts(name: string): string[] {
  return readdirSync(folder).filter((file) => file.startsWith(name) && file.endsWith('.part'));
}

test('removes drafts of a killed process at the start, and nothing else', async () => {
  const own = mkdtempSync(join(folder, 'drafts-'));
  for (const name of ['endpoint', 'endpoint.0a1b2c3d.part', 'image.part', 'notes.0a1b2c3d.txt'])
    writeFileSync(join(own, name), '');
  mkdirSync(join(own, 'folder.0a1b2c3d.part'));
  await removeDrafts(own);
  assert.deepEqual(readdirSync(own).sort(), ['endpoint', 'folder.0a1b2c3d.part', 'image.part', 'notes.0a1b2c3d.txt']);
  await removeDrafts(join(own, 'missing'));
});
