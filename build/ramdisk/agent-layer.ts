import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { projectRoot } from '../cache.ts';
import type { CpioEntry } from './cpio.ts';

export const agentEntry = join(projectRoot, 'agent/main.ts');
export const agentFolder = 'opt/ingot';

/**
 * The agent's sources as plain JavaScript: types are stripped here and not in the ramdisk, where that takes seconds.
 * Only files that `main.ts` imports at run time are included.
 */
export function* agentEntries(): Generator<CpioEntry> {
  const folders = new Set<string>();
  const files: CpioEntry[] = [];
  for (const [path, code] of [...agentModules(agentEntry)].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const name = join(agentFolder, relative(projectRoot, path)).replace(/\.ts$/, '.js');
    for (let folder = dirname(name); folder !== '.'; folder = dirname(folder)) folders.add(folder);
    files.push({ path: name, mode: 0o644, type: 'file', content: Buffer.from(code) });
  }
  for (const path of [...folders].sort()) yield { path, mode: 0o755, type: 'folder' };
  yield { path: join(agentFolder, 'package.json'), mode: 0o644, type: 'file', content: Buffer.from('{"type":"module"}\n') };
  yield* files;
}

/** Type-only imports vanish with the types, so the remaining ones are the run-time imports. */
export function agentModules(entry: string): Map<string, string> {
  const modules = new Map<string, string>();
  const waiting = [entry];
  for (let path = waiting.pop(); path; path = waiting.pop()) {
    if (modules.has(path)) continue;
    const code = stripTypeScriptTypes(readFileSync(path, 'utf8'));
    const imports = [...code.matchAll(/^(?:import|export)\b[^;]*?from\s+'([^']+)'/gm)].map(([, name]) => name as string);
    for (const name of imports) {
      if (name.startsWith('.')) waiting.push(join(dirname(path), name));
      else if (!name.startsWith('node:')) throw new Error(`${path} imports ${name}: the ramdisk has no npm packages`);
    }
    modules.set(path, code.replace(/(\bfrom\s+'\.[^']*)\.ts'/g, "$1.js'"));
  }
  return modules;
}
