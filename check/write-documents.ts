/** `bin/check docs`: writes the parts of the documents that are made from the routes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

export async function writeDocuments(): Promise<void> {
  // The other checks need no API.
  const { renderDocuments } = await import('./api-docs.ts');
  for (const [path, text] of await renderDocuments(root)) await writeFile(join(root, path), text);
}
