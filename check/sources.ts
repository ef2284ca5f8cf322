/** The text files of the project, as git knows them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export type Source = { path: string; text: string };
export type Finding = { path: string; line?: number; message: string };

export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');

/** Tracked files and new ones that git does not ignore; paths relative to the root. Binary files are left out. */
export function listSources(): Source[] {
  const listing = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  return [...new Set(listing.split('\0'))].filter(Boolean).sort().flatMap(readSource);
}

function readSource(path: string): Source[] {
  try {
    const bytes = readFileSync(`${root}/${path}`);
    return bytes.subarray(0, 8192).includes(0) ? [] : [{ path, text: bytes.toString('utf8') }];
  } catch {
    // Deleted but not yet committed, or a link to a folder.
    return [];
  }
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
