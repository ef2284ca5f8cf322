import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { listSources, root } from './sources.ts';

test('lists text files with their text, without caches and packages', () => {
  const sources = listSources();

  assert.match(sources.find(({ path }) => path === 'package.json')?.text ?? '', /"name": "ingot"/);
  assert.ok(sources.some(({ path }) => path === '.ci/run'));
  assert.deepEqual(
    sources.filter(({ path }) => path.startsWith('node_modules/')),
    [],
  );
});

test('lists a folder without git', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-check-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(join(root, 'check'), join(folder, 'check'), { recursive: true });
  writeFileSync(join(folder, '.hidden'), 'text\n');
  writeFileSync(join(folder, 'binary'), Buffer.from([1, 0, 2]));
  const script = "import { listSources } from './check/sources.ts'; console.log(listSources().map(({ path }) => path).join())";
  writeFileSync(join(folder, 'list.ts'), script);

  const paths = execFileSync(process.execPath, ['list.ts'], { cwd: folder, encoding: 'utf8' }).trim().split(',');

  assert.ok(paths.includes('check/rules.ts') && paths.includes('.hidden'));
  assert.ok(!paths.includes('binary'));
});
