/**
 * TFTP transfers in progress. dnsmasq logs only the end of a transfer, a minute late if the machine went silent, and
 * not its start; while it sends a file, it has the file open.
 */
import { readdir, readlink, realpath, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Report } from './parts.ts';
import type { Plans } from './plans.ts';
import { laidPaths } from './tftp-files.ts';

export type TransferParts = {
  /** Pid of the running dnsmasq; undefined = none. */
  pid(): number | undefined;
  root: string;
  plans: Plans;
  report: Report;
};

/** Poll interval in milliseconds; a shorter transfer is reported by its end only. */
const pollMs = 1000;

export class TftpTransfers {
  readonly #parts: TransferParts;
  #timer: NodeJS.Timeout | undefined;
  #polling = false;
  #open: ReadonlySet<string> = new Set();

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  start(): void {
    this.stop();
    this.#timer = setInterval(() => void this.#pollOnce(), pollMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #pollOnce(): Promise<void> {
    if (this.#polling) return;
    this.#polling = true;
    await this.poll().finally(() => {
      this.#polling = false;
    });
  }

  /** Reports each file of a live plan opened since the last poll; files shared by all machines identify none. */
  async poll(): Promise<void> {
    const owners = this.#owners();
    const open = owners.size === 0 ? [] : await this.#openFiles();
    const before = this.#open;
    this.#open = new Set(open);
    for (const subject of this.#open) {
      const mac = owners.get(subject);
      if (mac === undefined || before.has(subject)) continue;
      const total = await stat(join(this.#parts.root, subject)).then(
        ({ size }) => size,
        () => undefined,
      );
      const data = { outcome: 'begun', ...(total !== undefined && { total }) };
      this.#parts.report({ kind: 'tftp', mac, subject, message: `started fetching ${subject} by TFTP`, data });
    }
  }

  /** Owner of each file, by path under the root. */
  #owners(): Map<string, string> {
    const byTftp = this.#parts.plans.all().filter(({ firmware, spent }) => firmware === 'pxelinux' && !spent);
    const pairs = byTftp.flatMap((plan) => laidPaths(plan).map((path) => [path, plan.macs[0]?.mac ?? ''] as const));
    return new Map(pairs.filter(([, mac]) => mac !== ''));
  }

  /** Empty if the process has exited meanwhile, or if this process may not read its descriptors. */
  async #openFiles(): Promise<string[]> {
    const pid = this.#parts.pid();
    if (pid === undefined) return [];
    const folder = `/proc/${pid}/fd`;
    const names = await readdir(folder).catch(() => []);
    const targets = await Promise.all(names.map((name) => readlink(join(folder, name)).catch(() => '')));
    const root = await realpath(this.#parts.root).catch(() => this.#parts.root);
    return targets.map((target) => relative(root, target)).filter((path) => path !== '' && !path.startsWith('..'));
  }
}
