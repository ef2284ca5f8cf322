/** The text files of the project. */
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export type Source = { path: string; text: string };
export type Finding = { path: string; line?: number; message: string };

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** Paths are relative to the root. Binary files are left out. */
export function listSources(): Source[] {
  return [...new Set(listPaths())].filter(Boolean).sort().flatMap(readSource);
}

/**
 * Tracked files and new ones that git does not ignore; without git (an unpacked archive) everything but cache folders.
 */
function listPaths(): string[] {
  // safe.directory: in a container the clone often belongs to a different user.
  const args = ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  try {
    const listing = execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return listing.split('\0');
  } catch {
    const ignored = ['node_modules', '.git', '.cache', 'state'];
    return globSync(['**/*', '.*', '.ci/*'], { cwd: root, exclude: (path) => ignored.includes(path.split('/')[0] ?? '') });
  }
}

/** Excludes folders, dangling links and files that are deleted but not yet committed. */
function readSource(path: string): Source[] {
  try {
    const bytes = readFileSync(`${root}/${path}`);
    return bytes.subarray(0, 8192).includes(0) ? [] : [{ path, text: bytes.toString('utf8') }];
  } catch {
    return [];
  }
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
