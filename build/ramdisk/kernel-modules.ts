import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Fault } from '#domain/faults.ts';
import { runCommand } from '../run-command.ts';

/**
 * Copies the listed modules and their dependencies from an unpacked kernel package into `target`, with the indexes that
 * modprobe reads. @returns the number of modules
 */
export async function installModules(parts: {
  stage: string;
  release: string;
  wanted: readonly string[];
  target: string;
}): Promise<number> {
  const { stage, release, wanted, target } = parts;
  await runCommand('depmod', ['-b', stage, release]);
  const folder = join('lib/modules', release);
  const text = (name: string) => readFileSync(join(stage, folder, name), 'utf8');
  const builtIn = new Set(text('modules.builtin').split('\n').map(moduleName));
  const paths = selectModules(
    text('modules.dep'),
    wanted.filter((name) => !builtIn.has(name.replaceAll('-', '_'))),
  );
  for (const path of [...paths, 'modules.order', 'modules.builtin', 'modules.builtin.modinfo']) {
    if (!existsSync(join(stage, folder, path))) continue;
    mkdirSync(dirname(join(target, folder, path)), { recursive: true });
    copyFileSync(join(stage, folder, path), join(target, folder, path));
  }
  await runCommand('depmod', ['-b', target, release]);
  dropBinaryIndexes(join(target, folder));
  return paths.length;
}

/** `modules.dep` lines are `path: dependency dependency…`; names treat `-` and `_` alike. */
export function selectModules(dependencyText: string, wanted: readonly string[]): string[] {
  const dependencies = new Map<string, string[]>();
  for (const line of dependencyText.split('\n')) {
    const [path, rest = ''] = line.split(':');
    if (path) dependencies.set(path, rest.split(' ').filter(Boolean));
  }
  const byName = new Map([...dependencies.keys()].map((path) => [moduleName(path), path]));
  const chosen = new Set<string>();
  for (const want of wanted) {
    const paths = want.endsWith('/')
      ? [...dependencies.keys()].filter((path) => path.startsWith(`kernel/${want}`))
      : [byName.get(want.replaceAll('-', '_'))].filter((path) => path !== undefined);
    if (paths.length === 0) throw new Fault('toolFailed', { tool: 'ramdisk build', detail: `the kernel has no module ${want}` });
    for (const path of paths) for (const each of [path, ...(dependencies.get(path) ?? [])]) chosen.add(each);
  }
  return [...chosen].sort();
}

function moduleName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

/** busybox's modprobe reads only the text indexes. */
function dropBinaryIndexes(folder: string): void {
  for (const name of readdirSync(folder)) if (name.endsWith('.bin')) rmSync(join(folder, name));
}
