import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkImports, importTable, partOf } from './imports.ts';
import { listSources } from './sources.ts';

const aliases = { '#agent-protocol/*': './agent-protocol/*', '#lab/*': './lab/*', '#*': './src/*' };

/** The messages for files given as path → text. */
function messages(files: Record<string, string>): string[] {
  const sources = Object.entries(files).map(([path, text]) => ({ path, text }));
  return checkImports(sources, aliases).map(({ path, line, message }) => `${path}${line ? `:${line}` : ''} ${message}`);
}

test('the table in ARCHITECTURE.md equals the enforced one', () => {
  const page = listSources().find(({ path }) => path === 'ARCHITECTURE.md')?.text ?? '';
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .split('|')
        .slice(1, 3)
        .map((cell) => cell.trim()),
    )
    .filter(([from]) => from !== 'from' && !from?.startsWith('---'));
  const shown = rows.map((cells) =>
    cells.map((cell) =>
      cell
        .replace(/\([^)]*\)/g, '')
        .split(',')
        .map((name) => name.trim()),
    ),
  );

  assert.deepEqual(
    shown,
    importTable.map(({ from, may }) => [[...from], [...may]]),
  );
});

test('a part is a folder of src, a file right in src, or a top-level folder', () => {
  assert.deepEqual(['src/store/events.ts', 'src/serve.ts', 'lab/models/plain.ts'].map(partOf), ['store', 'serve', 'lab']);
});

test('reports an import against the layers with its line, including types and multi-line imports', () => {
  const text = "import type { A } from '#domain/a.ts';\nimport {\n  type B,\n  c,\n} from '#engine/worker/worker.ts';\n";

  assert.deepEqual(messages({ 'src/store/x.ts': text }), ['src/store/x.ts:2 store may not import src/engine/worker/worker.ts']);
});

test('an entry point exports only its own file', () => {
  assert.deepEqual(messages({ 'src/api/a.ts': "import type { E } from '#engine/contract.ts';\n" }), []);
  assert.deepEqual(messages({ 'src/api/a.ts': "import { w } from '#engine/worker/worker.ts';\n" }), [
    'src/api/a.ts:1 api may not import src/engine/worker/worker.ts',
  ]);
});

test('rejects a value import where only types are allowed', () => {
  assert.deepEqual(messages({ 'src/drivers/a.ts': "import type { Node } from '#store/tables/nodes.ts';\n" }), []);
  assert.deepEqual(messages({ 'src/drivers/a.ts': "import { Nodes } from '#store/tables/nodes.ts';\n" }), [
    'src/drivers/a.ts:1 drivers may import only types of src/store/tables/nodes.ts',
  ]);
  // A mixed import is still executed.
  assert.deepEqual(messages({ 'src/drivers/a.ts': "import { type Node } from '#store/tables/nodes.ts';\n" }), [
    'src/drivers/a.ts:1 drivers may import only types of src/store/tables/nodes.ts',
  ]);
  assert.deepEqual(messages({ 'src/drivers/a.ts': "import type { Store } from '#store/store.ts';\n" }), [
    'src/drivers/a.ts:1 drivers may not import src/store/store.ts',
  ]);
});

test('checks re-exports and dynamic imports', () => {
  const text = "export * from '#api/a.ts';\nconst b = await import('#wire/b.ts');\n";

  assert.deepEqual(messages({ 'src/domain/x.ts': text }), [
    'src/domain/x.ts:1 domain may not import src/api/a.ts',
    'src/domain/x.ts:2 domain may not import src/wire/b.ts',
  ]);
});

test('prefers the longest alias', () => {
  assert.deepEqual(messages({ 'agent/main.ts': "import { r } from '#agent-protocol/routes.ts';\n" }), []);
});

test('rejects a relative import that leaves its part if an alias exists', () => {
  assert.deepEqual(messages({ 'src/api/compute/a.ts': "import { b } from '../faults.ts';\n" }), []);
  assert.deepEqual(messages({ 'src/api/a.ts': "import { b } from '../domain/b.ts';\n" }), [
    "src/api/a.ts:1 '../domain/b.ts' leaves its part: write it with '#'",
  ]);
});

test('rejects # aliases in the agent, which runs without package.json', () => {
  assert.deepEqual(messages({ 'agent/main.ts': "import { r } from '../agent-protocol/routes.ts';\n" }), []);
});

test('allows each package only in certain parts', () => {
  const text = "import { Value } from 'typebox/value';\nimport { sql } from 'kysely';\nimport 'node:fs';\n";

  assert.deepEqual(messages({ 'src/api/a.ts': text }), ["src/api/a.ts:2 api may not use the package 'kysely'"]);
  assert.deepEqual(messages({ 'src/domain/a.ts': "import 'node:fs';\n" }), [
    "src/domain/a.ts:1 domain does no I/O: no 'node:fs'",
  ]);
});

test('allows imports of a driver only through its index', () => {
  assert.deepEqual(messages({ 'src/drivers/registry.ts': "import { ipmi } from './ipmi/index.ts';\n" }), []);
  assert.deepEqual(messages({ 'src/drivers/ipmi/power.ts': "import { a } from './schema.ts';\n" }), []);
  assert.deepEqual(messages({ 'src/drivers/pxe/boot.ts': "import { a } from '../ipmi/power.ts';\n" }), [
    "src/drivers/pxe/boot.ts:1 'src/drivers/ipmi/power.ts' is behind the door of its driver: import its index.ts",
  ]);
});

test('allows tests to import what they need', () => {
  assert.deepEqual(messages({ 'src/store/x.test.ts': "import { serve } from '#serve.ts';\n" }), []);
});

test('allows no imports to a part without a row', () => {
  assert.deepEqual(messages({ 'src/new-part/x.ts': "import { a } from '#domain/a.ts';\n" }), [
    'src/new-part/x.ts:1 new-part may not import src/domain/a.ts',
  ]);
});

test('requires the file extension', () => {
  assert.deepEqual(messages({ 'src/api/a.ts': "import { b } from './b';\n" }), [
    "src/api/a.ts:1 './b' must name the file with its ending",
  ]);
});

test('reports an import cycle once, with its path', () => {
  const files = {
    'src/store/a.ts': "import { b } from './b.ts';\n",
    'src/store/b.ts': "import { c } from './c.ts';\n",
    'src/store/c.ts': "import type { a } from './a.ts';\n",
    'src/store/d.ts': "import { a } from './a.ts';\n",
  };

  assert.deepEqual(messages(files), [
    'src/store/a.ts imports itself: src/store/a.ts → src/store/b.ts → src/store/c.ts → src/store/a.ts',
  ]);
});

test('allows the concurrency primitives in every part but domain and the agent', () => {
  const text = "import { pause } from '#async/timers.ts';\n";
  const allowed = ['src/wire/x.ts', 'src/api/x.ts', 'src/log.ts', 'lab/x.ts', 'bench/x.ts'];

  for (const path of allowed) assert.deepEqual(messages({ [path]: text }), [], path);
  assert.deepEqual(messages({ 'src/domain/x.ts': text }), ['src/domain/x.ts:1 domain may not import src/async/timers.ts']);
  assert.deepEqual(messages({ 'agent/x.ts': "import { pause } from '../src/async/timers.ts';\n" }), [
    'agent/x.ts:1 agent may not import src/async/timers.ts',
  ]);
  assert.deepEqual(messages({ 'src/async/x.ts': "import { Fault } from '#domain/faults.ts';\n" }), [
    'src/async/x.ts:1 async may not import src/domain/faults.ts',
  ]);
});
