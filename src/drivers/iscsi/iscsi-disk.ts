/** A machine's disk, exported by its ramdisk: written in user space by qemu-img, without a kernel initiator. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chapAccount } from '#agent-protocol/classic.ts';
import { Fault } from '#domain/faults.ts';
import type { Confinement } from '#tools/confined.ts';
import { type Coverage, copyToDisk, optionValue, type RemoteDisk, remoteDiskSize } from '#tools/qemu-img.ts';
import type { IscsiTarget } from './deploy-post.ts';

export type IscsiDiskOptions = {
  target: IscsiTarget;
  deploymentKey: string;
  /** Folder for the password file and temporary data; must exist. */
  workDir: string;
  /** Maximum time without progress. */
  silenceMs: number;
  confinement: Confinement | undefined;
  signal: AbortSignal;
};

export type DiskWrite = {
  /** A raw file. */
  path: string;
  /** Offset on the disk in bytes. */
  start: number;
  /** Space on the disk in bytes; the source must not be larger. */
  length: number;
  coverage: Coverage;
  onProgress?: (percent: number) => void;
};

export const secretFileName = 'chap-password';
const secretId = 'chap';

export class IscsiDisk {
  readonly #options: IscsiDiskOptions;

  constructor(options: IscsiDiskOptions) {
    this.#options = options;
  }

  /** Size of the disk in bytes. */
  size(): Promise<number> {
    return this.#withAccess((disk) => remoteDiskSize(disk(), this.#options));
  }

  /** Throws `agentFailed` if the disk rejects the data, or there is no progress for too long. */
  async write(write: DiskWrite): Promise<void> {
    await this.#withAccess(async (diskAt) => {
      const disk = diskAt(`offset=${write.start},size=${write.length},`);
      const copy = (coverage: Coverage) => this.#copy({ ...write, coverage }, disk);
      try {
        await copy(write.coverage);
      } catch (error) {
        // Some targets advertise a command for zeros that their disk then rejects: retried with plain writes.
        const isRefusal = error instanceof Fault && error.code === 'toolFailed';
        if (write.coverage !== 'exact' || !isRefusal) throw error;
        await copy('exact-plain');
      }
    });
  }

  async writeBytes(content: Buffer, place: { start: number; length: number }): Promise<void> {
    const path = join(this.#options.workDir, 'piece');
    await writeFile(path, content);
    try {
      await this.write({ path, ...place, coverage: 'exact-plain' });
    } finally {
      await rm(path, { force: true });
    }
  }

  async #copy({ path, coverage, onProgress }: DiskWrite, disk: RemoteDisk): Promise<void> {
    const { signal, silenceMs, confinement } = this.#options;
    const silence = new AbortController();
    const fall = () => silence.abort(unwilling(`no data was transferred for ${Math.round(silenceMs / 1000)} s`));
    const timer = setTimeout(fall, silenceMs);
    try {
      await copyToDisk({
        path,
        disk,
        coverage,
        confinement,
        signal: AbortSignal.any([signal, silence.signal]),
        onProgress: (percent) => {
          timer.refresh();
          onProgress?.(percent);
        },
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Passes the password to qemu-img in a file readable only by Ingot, which exists only while it is needed. */
  async #withAccess<T>(work: (disk: (place?: string) => RemoteDisk) => Promise<T>): Promise<T> {
    const { target, deploymentKey, workDir } = this.#options;
    const { user, password } = chapAccount(deploymentKey, target.iqn);
    const file = join(workDir, secretFileName);
    const options = targetOptions(target, user);
    try {
      await writeFile(file, password, { mode: 0o600 });
      return await work((place = '') => ({ options: `driver=raw,${place}${options}`, secret: { id: secretId, file } }));
    } catch (error) {
      if (error instanceof Fault && error.code === 'toolFailed') throw unwilling(peerWords(error.message), error);
      throw error;
    } finally {
      await rm(file, { force: true });
    }
  }
}

function targetOptions({ address, port, iqn, lun }: IscsiTarget, user: string): string {
  const options = {
    driver: 'iscsi',
    transport: 'tcp',
    portal: `${address}:${port}`,
    target: optionValue(iqn),
    lun,
    user,
    'password-secret': secretId,
    // Timeout of one command in seconds: a machine that was powered off sends nothing, not even an error.
    timeout: 60,
  };
  return Object.entries(options)
    .map(([name, value]) => `file.${name}=${value}`)
    .join(',');
}

/** qemu-img's message without our arguments. */
function peerWords(message: string): string {
  return message.replace(/^.*?qemu-img: /s, '').replace(/^Could not open '.*?': (iSCSI: )?/s, '');
}

function unwilling(detail: string, cause?: unknown): Fault {
  return new Fault('agentFailed', { command: 'take data over iSCSI', detail }, cause);
}
