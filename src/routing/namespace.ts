/**
 * The network namespace of a router: a file in the state folder, onto which the kernel's namespace is mounted, so that it
 * goes on forwarding while Ingot does not run. Not in /run/netns, which only root can write to.
 */
import { mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Capability } from '#domain/privileges.ts';
import { runTool } from '#tools/run-tool.ts';

export const capabilities: readonly Capability[] = ['net_admin', 'net_raw', 'sys_admin'];

/** A command that hangs, such as on a lock of the kernel, must not stop all routers. */
const commandMs = 20_000;
/** `NSFS_MAGIC` of linux/magic.h. */
const nsfsMagic = 0x6e_73_66_73;

const isId = (name: string) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);

/** Interfaces that come later have them, too; `all` and `default` are those of the namespace. `arp_notify`: see bring-up.ts. */
const interfaceValues = { rp_filter: 1, arp_ignore: 1, arp_announce: 2, arp_notify: 1, send_redirects: 0, accept_redirects: 0 };
const kernelValues = ['all', 'default'].flatMap((which) => [
  ...Object.entries({ ...interfaceValues, accept_source_route: 0 }).map(
    ([name, value]) => `net.ipv4.conf.${which}.${name}=${value}`,
  ),
  `net.ipv6.conf.${which}.disable_ipv6=1`,
]);

/** Runs a program on the host. */
export function onHost(tool: string, args: readonly string[], signal: AbortSignal, input?: string): Promise<string> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(commandMs)]);
  return runTool(tool, args, { name: args.join(' '), signal: limit, capabilities, ...(input !== undefined && { input }) });
}

export class Namespaces {
  readonly #folder: string;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'routers');
  }

  /** Ids of routers that have one, or had one before the host was restarted. */
  async list(): Promise<string[]> {
    return (await readdir(this.#folder).catch(() => [])).filter(isId);
  }

  fileOf(id: string): string {
    return join(this.#folder, id);
  }

  async isThere(id: string): Promise<boolean> {
    const type = await statfs(this.fileOf(id)).then(
      (found) => found.type,
      () => undefined,
    );
    return type === nsfsMagic;
  }

  /** Idempotent. Nothing is forwarded in a new one before `forward`. */
  async make(id: string, signal: AbortSignal): Promise<void> {
    if (!isId(id)) throw new Error(`${JSON.stringify(id)} is not the id of a router`);
    if (await this.isThere(id)) return;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFile(this.fileOf(id), '', { mode: 0o600 });
    await onHost('unshare', [`--net=${this.fileOf(id)}`, 'true'], signal);
  }

  /** Once its rules are loaded. Each time, since Ingot may have ended right after it made the namespace. Idempotent. */
  async forward(id: string, signal: AbortSignal): Promise<void> {
    // -e: a kernel without IPv6 has no such values.
    await this.run(id, ['busybox', 'sysctl', '-e', '-w', 'net.ipv4.ip_forward=1', ...kernelValues], signal);
  }

  /** Runs a program in the namespace. */
  run(id: string, [program = '', ...args]: readonly string[], signal: AbortSignal, input?: string): Promise<string> {
    return onHost('nsenter', [`--net=${this.fileOf(id)}`, program, ...args], signal, input);
  }

  /** Ends it with its interfaces. Idempotent. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    if (!isId(id)) return;
    if (await this.isThere(id)) {
      // The kernel ends a namespace later than it is unmounted; no packet may pass until then.
      await this.run(id, ['busybox', 'sysctl', '-w', 'net.ipv4.ip_forward=0'], signal);
      const links = JSON.parse(await this.run(id, ['ip', '-j', 'link', 'show'], signal)) as { ifname: string }[];
      const gone = links.map(({ ifname }) => ifname).filter((name) => /^q[rg]-[0-9a-f]+$/.test(name));
      await this.run(id, ['ip', '-batch', '-'], signal, gone.map((name) => `link del ${name}\n`).join(''));
      // Not umount: without root it unmounts only what fstab allows.
      await onHost('busybox', ['umount', '-l', this.fileOf(id)], signal);
    }
    await rm(this.fileOf(id), { force: true });
  }
}
