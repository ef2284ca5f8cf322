import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { renderDocuments } from './api-docs.ts';

test('the generated documents match the API: `bin/check docs` writes them', async () => {
  const root = join(import.meta.dirname, '..');
  for (const [path, text] of await renderDocuments(root)) assert.equal(await readFile(join(root, path), 'utf8'), text, path);
});
