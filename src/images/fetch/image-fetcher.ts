/**
 * Downloads the images that `instance_info` names by URL into the image store, and keeps them there for further deployments.
 * Deployments that want the same at the same time share one download.
 */
import { createHash, randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import type { Logger } from 'pino';
import { SharedWork } from '#async/shared-work.ts';
import type { ImageToFetch } from '#domain/image-to-fetch.ts';
import type { Store } from '#store/store.ts';
import type { FetchedImage } from '#store/tables/fetched-images.ts';
import { isDiskFormat } from '../disk-formats.ts';
import type { ImageStore } from '../image-files.ts';
import type { UploadRequest } from '../upload.ts';
import { checkUse } from './check-use.ts';
import { type Checksum, checksumOf, findChecksum } from './checksums.ts';
import type { DriveFetcher } from './drive-fetcher.ts';
import type { FetchedFiles } from './fetched-files.ts';
import { checkOpenable, type FetchRules, openChanged, type Source } from './open-source.ts';
import { asFetchFault, readSmallFile } from './read-small.ts';
import { refuseUrl, shownUrl } from './url-rules.ts';

export type FetcherParts = {
  readonly store: Pick<Store, 'fetched_images'>;
  readonly files: Pick<ImageStore, 'upload' | 'file'>;
  readonly kept: FetchedFiles;
  readonly drives: DriveFetcher;
  readonly rules: FetchRules;
  /** Whether MD5 is accepted. */
  readonly allowsMd5: boolean;
  readonly log: Pick<Logger, 'info' | 'warn'>;
};

/** Checksum files list the images of a release. */
const checksumFileBytes = 1024 ** 2;

export class ImageFetcher {
  readonly #parts: FetcherParts;
  readonly #shared = new SharedWork();

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  /** @throws Fault `imageRefused`, `imageDownloadFailed`, and those of the image store */
  async fetch(wanted: ImageToFetch, signal: AbortSignal): Promise<FetchedImage> {
    const key = JSON.stringify([wanted.use, wanted.url, wanted.checksum, wanted.algorithm, wanted.disk_format]);
    return this.#shared.run(key, signal, (shared) => this.#fetch(wanted, shared));
  }

  /** @returns its path; throws Fault `imageRefused`, `imageDownloadFailed` */
  configDrive(url: string, directory: string, signal: AbortSignal): Promise<string> {
    return this.#parts.drives.fetch(url, directory, signal);
  }

  close(): void {
    this.#parts.kept.stop();
  }

  async #fetch(wanted: ImageToFetch, signal: AbortSignal): Promise<FetchedImage> {
    const { rules } = this.#parts;
    const checksum = await this.#checksumFor(wanted, signal);
    const known = await this.#findKnown(wanted, checksum);
    if (known && checksum) {
      checkOpenable(wanted.url, rules);
      return known;
    }
    const source = await openChanged(wanted.url, { rules, signal, version: known?.version ?? null });
    if (!source) return known as FetchedImage;
    try {
      return await this.#download(wanted, source, { checksum, signal });
    } catch (error) {
      throw asFetchFault(wanted.url, error, signal);
    } finally {
      await source.close();
    }
  }

  async #checksumFor({ url, checksum, algorithm }: ImageToFetch, signal: AbortSignal): Promise<Checksum | undefined> {
    if (checksum === undefined) return undefined;
    const found = isWebUrl(checksum) ? await this.#readChecksum(checksum, url, signal) : checksumOf(checksum, algorithm);
    if (!found) throw refuseUrl(url, 'The supplied image checksum is invalid or does not match.');
    if (found.algorithm === 'md5' && !this.#parts.allowsMd5)
      throw refuseUrl(url, 'Its checksum is MD5, which images.allow_md5 does not allow.');
    return found;
  }

  async #readChecksum(checksumUrl: string, url: string, signal: AbortSignal): Promise<Checksum> {
    const { rules } = this.#parts;
    const bytes = await readSmallFile(checksumUrl, { rules, signal, mostBytes: checksumFileBytes });
    const found = findChecksum(bytes.toString(), basename(new URL(url).pathname));
    if ('why' in found) throw refuseUrl(checksumUrl, found.why);
    return found;
  }

  /** The newest with this checksum, or of this URL; one that is damaged or gone is removed. */
  async #findKnown(wanted: ImageToFetch, checksum: Checksum | undefined): Promise<FetchedImage | undefined> {
    const { store, files, kept, log } = this.#parts;
    const where = {
      source_key: sourceKey(wanted),
      status: 'active',
      ...(checksum && { [checksum.algorithm]: checksum.value }),
    } as const;
    const [known] = await store.fetched_images.list(where, { orderBy: 'created_at', descending: true, limit: 1 });
    if (!known || !(await kept.use(known))) return undefined;
    try {
      await files.file(known.id);
      return known;
    } catch (error) {
      log.warn({ err: error, image: known.id }, 'a downloaded image is damaged; downloading it again');
      await kept.remove(known.id);
      return undefined;
    }
  }

  async #download(wanted: ImageToFetch, source: Source, { checksum, signal }: Expected): Promise<FetchedImage> {
    const { store, files, kept, log } = this.#parts;
    const id = randomUUID();
    const now = new Date().toISOString();
    const name = shownUrl(wanted.url);
    await kept.makeRoom(source.size ?? 0);
    const begun = { id, source_key: sourceKey(wanted), name, created_at: now, used_at: now };
    const inserted = await store.fetched_images.insert({ ...begun, status: 'incomplete' });
    try {
      const facts = await files.upload(id, source.stream, {
        ...uploadedAs(wanted),
        ...(source.size !== undefined && { size: source.size }),
        ...(checksum && { checksum }),
        check: (path) => checkUse(wanted.use, path),
        signal,
      });
      const { disk_format, size, virtual_size, checksum: md5, os_hash_value: sha512 } = facts;
      const digests = { md5, sha512, sha256: checksum?.algorithm === 'sha256' ? checksum.value : null };
      const row = {
        ...inserted,
        ...digests,
        disk_format,
        size,
        virtual_size,
        version: source.version,
        status: 'active',
      } as const;
      await store.fetched_images.update({ id }, row);
      log.info({ image: id, url: name, size }, 'image downloaded');
      return row;
    } catch (error) {
      await kept.remove(id);
      throw error;
    }
  }
}

type Expected = { readonly checksum: Checksum | undefined; readonly signal: AbortSignal };

function isWebUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/** What one use has checked, another may not use. */
function sourceKey({ url, use, disk_format = '' }: ImageToFetch): string {
  return createHash('sha256').update(`${use} ${disk_format} ${url}`).digest('hex');
}

/** Glance's formats of kernels and ramdisks; Ironic's name for a raw disk with a GPT. */
function uploadedAs({ use, disk_format }: ImageToFetch): Pick<UploadRequest, 'disk_format' | 'detects'> {
  if (use !== 'disk') return { disk_format: use === 'kernel' ? 'aki' : 'ari' };
  const declared = disk_format === 'gpt' ? 'raw' : disk_format;
  return isDiskFormat(declared) ? { disk_format: declared } : { disk_format: null, detects: true };
}
