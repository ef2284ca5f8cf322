import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRules } from './rules.ts';

function messages(files: Record<string, string>): string[] {
  const sources = Object.entries(files).map(([path, text]) => ({ path, text }));
  return checkRules(sources).map(({ path, line, message }) => `${path}${line ? `:${line}` : ''} ${message}`);
}

// Concatenated here so that the rules do not find their own examples.
const join = (...parts: string[]) => parts.join('');

test('file-length: 500 lines pass, 501 do not', () => {
  assert.deepEqual(messages({ 'src/a.ts': 'x\n'.repeat(500) }), []);
  assert.deepEqual(messages({ 'src/a.ts': 'x\n'.repeat(501) }), ['src/a.ts 501 lines; at most 500 [file-length]']);
  assert.deepEqual(messages({ 'docs/a.md': 'x\n'.repeat(501) }), []);
});

test('telling-names: rejects files and folders of miscellany', () => {
  assert.deepEqual(messages({ 'src/common/a.ts': '', 'src/api/utils.ts': '', 'src/api/common-headers.ts': '' }), [
    "src/common/a.ts 'common' does not tell what is inside [telling-names]",
    "src/api/utils.ts 'utils' does not tell what is inside [telling-names]",
  ]);
});

test('finished-code: rejects to-do marks and skipped tests', () => {
  const bad = [
    join('// TO', 'DO later'),
    join('test.', "skip('a')"),
    join("test('b', { skip", ': true })'),
    join('it.', "only('c')"),
  ];

  const found = messages({ 'src/a.ts': `${bad.join('\n')}\n` });

  assert.deepEqual(
    found.map((line) => line.split(' ')[0]),
    ['src/a.ts:1', 'src/a.ts:2', 'src/a.ts:3', 'src/a.ts:4'],
  );
  assert.deepEqual(messages({ 'src/a.ts': "t.skip('needs root');\ntest('b', { skip: reason }, () => {});\n" }), []);
});

test('no-foreign-places: rejects personal paths and package hosts in any text file', () => {
  const home = join('/wo', 'rk/someone');
  const lock = join('  "resolved": "', 'https://mirror.example/a.tgz"');

  const found = messages({ 'docs/a.md': `see ${home}\n`, 'package-lock.json': `${lock}\n`, '.npmrc': join('regis', 'try=x\n') });

  assert.deepEqual(
    found.map((line) => line.split(' ')[0]),
    ['docs/a.md:1', 'package-lock.json:1', '.npmrc:1'],
  );
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a source file holds
  assert.deepEqual(messages({ 'src/a.ts': 'const file = `${state}/work/disk`;\n' }), []);
});

test('driver-folders: requires an index and a readme', () => {
  assert.deepEqual(
    messages({ 'src/drivers/ipmi/power.ts': '', 'src/drivers/ipmi/index.ts': '', 'src/drivers/interfaces.ts': '' }),
    ['src/drivers/ipmi a driver folder needs readme.md [driver-folders]'],
  );
});

test('living-references: checks links and quoted paths in documents', () => {
  const page = '[a](docs/a.md) [b](docs/b.md#x) [web](https://example.org)\n`src/a.ts` `src/gone.ts` `src/`\n';

  assert.deepEqual(messages({ 'README.md': page, 'docs/a.md': '[up](../README.md)', 'src/a.ts': '' }), [
    "README.md:1 'docs/b.md' does not exist [living-references]",
    "README.md:2 'src/gone.ts' does not exist [living-references]",
  ]);
  assert.deepEqual(messages({ 'docs/decisions/0001-a.md': 'It was `src/gone.ts`.' }), []);
});

test('change-notes: requires the kind first', () => {
  assert.deepEqual(messages({ 'docs/changes/a.md': 'Added: b\n', 'docs/changes/c.md': 'New: d\n' }), [
    'docs/changes/c.md:1 a note begins with Added:, Changed:, Fixed:, Removed: or Security: [change-notes]',
  ]);
});

test('shared-primitives: allows one way to replace a file, and one to wait', () => {
  const bad =
    "import { readFile, rename } from 'node:fs/promises';\nimport { setTimeout as pause } from 'node:timers/promises';\n";
  const found = messages({ 'src/engine/a.ts': bad, 'src/files/a.ts': bad, 'src/engine/a.test.ts': bad, 'agent/a.ts': bad });

  assert.deepEqual(
    found.map((line) => line.split(' ')[0]),
    ['src/engine/a.ts:1', 'src/engine/a.ts:2'],
  );
  const fine = "import { readFile } from 'node:fs/promises';\nimport { setImmediate } from 'node:timers/promises';\n";
  assert.deepEqual(messages({ 'src/engine/a.ts': fine }), []);
});

test('plain-words: checks names and comments, but not string literals', () => {
  const bad = ['const patience = 1;', 'this.#tellAll(nextLook);', '// It is on the way back.', 'const fine = aCloud();'];
  const fine = ['const lookup = 1;', "const text = 'it was told';", 'const storyteller = 1;', '// It looks like a timeout.'];

  assert.deepEqual(messages({ 'src/a.ts': `${bad.join('\n')}\n` }), [
    "src/a.ts:1 'patience': say timeout, grace period, limit [plain-words]",
    "src/a.ts:2 '#tellAll': say report, notify, send [plain-words]",
    "src/a.ts:2 'nextLook': say poll, read, check [plain-words]",
    "src/a.ts:4 'aCloud': say testCloud [plain-words]",
    "src/a.ts:3 'the way back': say rollback [plain-words]",
  ]);
  assert.deepEqual(messages({ 'src/a.ts': `${fine.join('\n')}\n` }), []);
});
