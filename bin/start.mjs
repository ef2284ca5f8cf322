/**
 * Starts src/main.ts with the compile cache of Node.js: modules are compiled, and their types stripped, only when they
 * have changed. Plain JavaScript: with a warm cache the stripper, 15 MiB of WebAssembly, is never loaded.
 */
import { mkdirSync, statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';

const folder = cacheFolder();
if (folder !== undefined) enableCompileCache(folder);
await import('../src/main.ts');

/**
 * Of this user, whatever HOME says: the environment survives a change of user (docs/decisions/0017-privileges.md). What
 * is in the cache is executed, so that nobody else may be able to write there. Undefined = none.
 */
function cacheFolder() {
  try {
    const base = process.env['XDG_CACHE_HOME'] || join(userInfo().homedir, '.cache');
    const wanted = join(base, 'ingot', 'compiled');
    mkdirSync(wanted, { recursive: true, mode: 0o700 });
    return [wanted, dirname(wanted), base].every(isOurs) ? wanted : undefined;
  } catch {
    // No home, or a read-only one: the start takes longer.
    return undefined;
  }
}

function isOurs(path) {
  const { uid, mode } = statSync(path);
  const othersMayWrite = 0o022;
  return (uid === process.getuid() || uid === 0) && (mode & othersMayWrite) === 0;
}
