/**
 * TFTP transfers that are under way. dnsmasq tells of a transfer when it has ended, a minute late where the machine went
 * silent, and has no word for its begin; while it sends a file, it has it open.
 */
import { readdir, readlink, realpath, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Report } from './parts.ts';
import type { Plans } from './plans.ts';
import { laidPaths } from './tftp-files.ts';

export type TransferParts = {
  /** Of the dnsmasq that serves; undefined = none does. */
  pid(): number | undefined;
  root: string;
  plans: Plans;
  report: Report;
};

/** How often is looked; a transfer that is over within that time is told of by its end (milliseconds). */
const lookMs = 1000;

export class TftpTransfers {
  readonly #parts: TransferParts;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #open: ReadonlySet<string> = new Set();

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  start(): void {
    this.stop();
    this.#timer = setInterval(() => void this.#lookOnce(), lookMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #lookOnce(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    await this.look().finally(() => {
      this.#looking = false;
    });
  }

  /** Reports each file of a live plan that is open now and was not at the last look; what the machines share is anybody's. */
  async look(): Promise<void> {
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

  /** Whose each file is, by path under the root. */
  #owners(): Map<string, string> {
    const byTftp = this.#parts.plans.all().filter(({ firmware, spent }) => firmware === 'pxelinux' && !spent);
    const pairs = byTftp.flatMap((plan) => laidPaths(plan).map((path) => [path, plan.macs[0]?.mac ?? ''] as const));
    return new Map(pairs.filter(([, mac]) => mac !== ''));
  }

  /** Nothing where the process has ended meanwhile, or where this one may not look. */
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
