/** Counts the calls to the file system in progress, which end without a timer and are not among Node's active resources. */
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

let pending = 0;
let ended = Promise.withResolvers<void>();

export function filesInProgress(): number {
  return pending;
}

/** Resolves at the end of a call. */
export function nextFileCall(): Promise<void> {
  return ended.promise;
}

/** @returns a function that restores the real ones */
export function countFileCalls(): () => void {
  const real = Object.entries(files).filter(([, call]) => typeof call === 'function');
  const counted =
    (call: (...args: unknown[]) => unknown) =>
    async (...args: unknown[]): Promise<unknown> => {
      pending += 1;
      try {
        return await call(...args);
      } finally {
        pending -= 1;
        ended.resolve();
        ended = Promise.withResolvers();
      }
    };
  for (const [name, call] of real) Object.assign(files, { [name]: counted(call as (...args: unknown[]) => unknown) });
  syncBuiltinESMExports();
  return () => {
    Object.assign(files, Object.fromEntries(real));
    syncBuiltinESMExports();
  };
}
