import { existsSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';

/** Slow controllers take a minute to show their disks. */
const appearMs = 60_000;

export type DiskSearch = { names: readonly string[]; devices: string; withinMs?: number; signal: AbortSignal };

/**
 * The first of `names` (kernel names, in order of preference) that exists below `devices` (`/dev`). Waits for the first
 * one to appear: a watcher of the folder sees the kernel create the device node.
 */
export async function findDisk({ names, devices, withinMs = appearMs, signal }: DiskSearch): Promise<string> {
  const found = () => names.map((name) => join(devices, name)).find((path) => existsSync(path));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const poll = () => {
    const path = found();
    if (path) resolve(path);
  };
  const folders = new Set([devices, ...names.map((name) => dirname(join(devices, name)))].filter((folder) => existsSync(folder)));
  const watchers = [...folders].map((folder) => watch(folder, poll));
  const timer = setTimeout(() => {
    reject(new Error(`none of the disks ${names.join(', ')} appeared within ${withinMs / 1000} s`));
  }, withinMs);
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    poll();
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    for (const watcher of watchers) watcher.close();
  }
}
