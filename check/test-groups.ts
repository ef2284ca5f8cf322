/** Which test files share a process. */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { root } from './sources.ts';

/** Fewer files are lost to a process that ends early, and its memory stays small. */
const mostFiles = 24;

/** Tests here load most modules, and open little. Others have their process to themselves. */
const manyModules = /^src\/(?:api|domain|engine|services|drivers|store|wire)\//;

/** What a file measures of its process would be that of the files before it as well. */
const measures = /\bprocess\.(?:resourceUsage|memoryUsage|cpuUsage|getActiveResourcesInfo|umask|chdir|on|once)\b/;

/** Files that must be alone first, then groups of neighbours, which load the same modules: ever smaller, so that all end together. */
export function groupFiles(files: readonly string[], concurrency: number): string[][] {
  const { alone = [], shared = [] } = Object.groupBy(files, (file) =>
    isAlone(relative(root, file), readFileSync(file, 'utf8')) ? 'alone' : 'shared',
  );
  const groups = alone.map((file) => [file]);
  for (let start = 0; start < shared.length; ) {
    const size = Math.min(mostFiles, Math.ceil((shared.length - start) / (2 * concurrency)));
    groups.push(shared.slice(start, start + size));
    start += size;
  }
  return groups;
}

export function isAlone(path: string, text: string): boolean {
  return !manyModules.test(path) || measures.test(text);
}
