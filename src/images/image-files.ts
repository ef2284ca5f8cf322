/**
 * The image store: uploaded files and the files derived from them, one folder per image.
 *
 *     <id>/data            the uploaded bytes
 *     <id>/staged          bytes to be imported, of which nothing was checked yet
 *     <id>/raw             the same as a raw sparse file, made on first use; `raw.json` has its digest
 *     <id>/extents         its data without holes, compressed, for machines to download; `extents.json` describes it
 *     <id>/….part          incomplete; discarded after a crash
 */

import type { ReadStream } from 'node:fs';
import { createReadStream } from 'node:fs';
import { link, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Logger } from 'pino';
import { SingleFlight } from '#async/single-flight.ts';
import { skipsBootCheck } from '#domain/boot-contents.ts';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { KernelContents } from '#domain/kernel-contents.ts';
import type { ExtentsFile, ImageSource } from '#drivers/interfaces.ts';
import { moveIntoPlace } from '#files/write-atomically.ts';
import type { Store } from '#store/store.ts';
import { asImage } from '#store/tables/fetched-images.ts';
import type { Image } from '#store/tables/images.ts';
import type { Server } from '#store/tables/servers.ts';
import { convertImage, type HowToRun } from '#tools/qemu-img.ts';
import { kernelContentsOf } from './boot-contents/kernel-file.ts';
import { bootContentsOf } from './boot-contents/read-boot-contents.ts';
import { writeConfigDrive } from './config-drive.ts';
import { type DiskFormat, driverOf, isDiskFormat } from './disk-formats.ts';
import { contentKeyOf, equalImages, shareFile } from './equal-images.ts';
import { findExtentsFile, writeExtentsFile } from './extents-file.ts';
import { writeGivenConfigDrive } from './given-config-drive.ts';
import { inspectImage } from './inspect-image.ts';
import type { NetworkFacts } from './network-data.ts';
import { type Digest, recordDigest, recordedDigest, SoundFiles } from './sound-files.ts';
import { receiveStaged, receiveUpload, type UploadFacts, type UploadLimits, type UploadRequest } from './upload.ts';

export type ImageStore = ImageSource & {
  /** Where the files are. */
  readonly directory: string;
  /** Writes a server's config drive; `network` holds its ports, networks and subnets. @returns its path */
  configDrive(server: Server, network: JsonObject, directory: string): Promise<string>;
  /** Writes the config drive that a client gave. @returns its path */
  givenConfigDrive(document: JsonObject, directory: string): Promise<string>;
  /**
   * Stores an image's data; the result belongs in the image's row. Throws `badRequest` if the data does not match the
   * declared format or refers to other files, `conflict` during another upload.
   */
  upload(id: string, data: Readable, request: UploadRequest): Promise<UploadFacts>;
  /** The uploaded bytes, or a part of them (both ends inclusive), and the size of all. Throws `notFound` if there are none. */
  read(id: string, part?: { start: number; end: number }): Promise<{ stream: ReadStream; size: number }>;
  /** Keeps data until it is imported, unchecked. @returns its size */
  stage(id: string, data: Readable, request: Pick<UploadRequest, 'size'>): Promise<number>;
  /** Throws `notFound` if nothing is staged. */
  staged(id: string): Promise<{ stream: ReadStream; size: number }>;
  unstage(id: string): Promise<void>;
  /** Removes the data and all files derived from it; aborts running conversions. */
  remove(id: string): Promise<void>;
  /** Removes partial files after a crash. Call before the first upload. */
  tidy(): Promise<void>;
  /** Aborts running conversions. */
  close(): Promise<void>;
};

export type ImageStoreParts = {
  store: { images: Pick<Store['images'], 'find' | 'list'>; fetched_images: Pick<Store['fetched_images'], 'find'> };
  directory: string;
  log: Pick<Logger, 'info' | 'warn'>;
  /** Maximum concurrent conversions. */
  conversions?: number;
  /** For qemu-img; default: bubblewrap. */
  confinement?: HowToRun['confinement'];
  bounds?: ImageBounds;
};

export type ImageBounds = {
  /** Maximum bytes of an upload and of its decoded disk. */
  maxBytes: number;
  /** Bytes to keep free on the disk of the images. */
  reserve: number;
  /** Stall timeout of an upload in milliseconds. */
  stallMs: number;
};

const usualBounds: ImageBounds = { maxBytes: 2 ** 40, reserve: 0, stallMs: 60_000 };

export function createImageFiles(parts: ImageStoreParts): ImageStore {
  return new FolderImageStore(parts);
}

type Preparation<F> = {
  /** Of the file in the folder of an image. */
  readonly name: 'raw' | 'extents';
  /** Undefined if it is not there, or damaged. */
  readonly find: (image: Image, path: string) => Promise<F | undefined>;
  readonly make: (path: string) => Promise<F>;
};

const imageIdPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

class FolderImageStore implements ImageStore {
  readonly #parts: ImageStoreParts;
  readonly #limits: UploadLimits;
  readonly #work: SingleFlight;
  /** Apart from the conversions: it waits for none. */
  readonly #sharing = new SingleFlight();
  readonly #sound = new SoundFiles();
  readonly #uploading = new Set<string>();
  readonly #stopping = new AbortController();
  /** Aborts an image's conversions when it is removed. */
  readonly #removals = new Map<string, AbortController>();

  constructor(parts: ImageStoreParts) {
    this.#parts = parts;
    const { confinement, directory, bounds = usualBounds } = parts;
    this.#limits = { ...bounds, confinement, space: { folder: directory, reserve: bounds.reserve } };
    this.#work = new SingleFlight(parts.conversions ?? 2);
  }

  get directory(): string {
    return this.#parts.directory;
  }

  async get(id: string): Promise<Image> {
    const image = await this.#parts.store.images.find({ id });
    if (image && image.status !== 'deleted') return image;
    const fetched = await this.#parts.store.fetched_images.find({ id });
    if (!fetched) throw new Fault('notFound', { what: 'Image', id });
    return asImage(fetched);
  }

  async file(id: string): Promise<string> {
    return (await this.#verifiedData(id)).path;
  }

  async raw(id: string): Promise<{ path: string; size: number }> {
    const image = await this.#usable(id);
    return this.#prepared(image, {
      name: 'raw',
      find: (of, path) => this.#findRaw(of, path),
      make: (path) => this.#makeRaw(image, path),
    });
  }

  async disk(id: string): Promise<ExtentsFile> {
    const { path, size } = await this.raw(id);
    const [digest, { blocks }, boot] = [await recordedDigest(path), await stat(path), await bootContentsOf(path)];
    if (!digest) throw new Fault('imageUnusable', { image: id, detail: 'the checksum of its raw file is missing' });
    return { path, size, sha256: digest.value, virtual_size: size, data_bytes: Math.min(blocks * 512, size), boot };
  }

  async extents(id: string): Promise<ExtentsFile> {
    const image = await this.#usable(id);
    return this.#prepared(image, {
      name: 'extents',
      find: (of, path) => this.#findExtents(of, path),
      make: (path) => this.#makeExtents(image, path),
    });
  }

  async kernel(id: string): Promise<KernelContents> {
    return kernelContentsOf(await this.file(id));
  }

  async recheck(id: string): Promise<boolean> {
    const folder = this.#folder(id);
    this.#sound.forget(folder);
    const image = await this.#usable(id);
    const finders = {
      raw: () => this.#findRaw(image, join(folder, 'raw')),
      extents: () => this.#findExtents(image, join(folder, 'extents')),
    };
    const made = (await readdir(folder)).filter((name): name is keyof typeof finders => Object.hasOwn(finders, name));
    const found = await Promise.all(made.map((name) => finders[name]()));
    return found.length > 0 && found.every((file) => file !== undefined);
  }

  configDrive(server: Server, network: JsonObject, directory: string): Promise<string> {
    const { ports = [], networks = [], subnets = [], bonds = [], vlans = [] } = network as unknown as Partial<NetworkFacts>;
    const inOrder = [...ports].sort((a, b) => server.port_ids.indexOf(a.id) - server.port_ids.indexOf(b.id));
    return writeConfigDrive(server, { ports: inOrder, networks, subnets, bonds, vlans }, directory);
  }

  givenConfigDrive(document: JsonObject, directory: string): Promise<string> {
    return writeGivenConfigDrive(document, directory);
  }

  async upload(id: string, data: Readable, request: UploadRequest): Promise<UploadFacts> {
    if (this.#uploading.has(id)) throw new Fault('conflict', { detail: `Data of image ${id} is being uploaded already.` });
    this.#uploading.add(id);
    try {
      const folder = this.#folder(id);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const row = await this.#parts.store.images.find({ id });
      const asked = { ...request, skips_boot_check: skipsBootCheck(row?.properties ?? {}) };
      const facts = await receiveUpload(join(folder, 'data'), data, asked, this.#limits);
      await this.#forgetConversions(id);
      this.#parts.log.info({ image: id, size: facts.size, format: request.disk_format }, 'image data stored');
      return facts;
    } finally {
      this.#uploading.delete(id);
    }
  }

  async read(id: string, part?: { start: number; end: number }): Promise<{ stream: ReadStream; size: number }> {
    const path = join(this.#folder(id), 'data');
    const size = await sizeOf(path);
    if (size === undefined) throw new Fault('notFound', { what: 'Data of image', id });
    return { stream: createReadStream(path, part), size };
  }

  async stage(id: string, data: Readable, request: Pick<UploadRequest, 'size'>): Promise<number> {
    await mkdir(this.#folder(id), { recursive: true, mode: 0o700 });
    return receiveStaged(join(this.#folder(id), 'staged'), data, request, this.#limits);
  }

  async staged(id: string): Promise<{ stream: ReadStream; size: number }> {
    const path = join(this.#folder(id), 'staged');
    const size = await sizeOf(path);
    if (size === undefined) throw new Fault('notFound', { what: 'Staged data of image', id });
    return { stream: createReadStream(path), size };
  }

  async unstage(id: string): Promise<void> {
    await rm(join(this.#folder(id), 'staged'), { force: true });
  }

  async remove(id: string): Promise<void> {
    this.#removals.get(id)?.abort(new Fault('imageUnusable', { image: id, detail: 'it was deleted' }));
    this.#removals.delete(id);
    this.#sound.forget(this.#folder(id));
    await rm(this.#folder(id), { recursive: true, force: true });
  }

  async tidy(): Promise<void> {
    const { directory, log } = this.#parts;
    for (const name of await readdir(directory, { recursive: true }).catch(() => [])) {
      if (!name.endsWith('.part')) continue;
      await rm(join(directory, name), { force: true });
      log.warn({ file: name }, 'removed an incomplete image file');
    }
  }

  async close(): Promise<void> {
    this.#stopping.abort(new Fault('interrupted', { what: 'The conversion of an image', why: 'Ingot is stopping' }));
  }

  /** Made once for all images with the same bytes. */
  async #prepared<F>(image: Image, { name, find, make }: Preparation<F>): Promise<F> {
    const path = join(this.#folder(image.id), name);
    for (;;) {
      const shared = () => this.#sharing.run(path, () => this.#shared(image, { name, find }));
      const known = (await find(image, path)) ?? (await shared());
      if (known) return known;
      let isOwn = false;
      const made = this.#work.run(`${contentKeyOf(image)} ${name}`, () => {
        isOwn = true;
        return make(path);
      });
      // Another image's may fail for reasons of its own, such as its deletion.
      const result = await made.catch((error: unknown) => {
        if (isOwn) throw error;
      });
      if (isOwn) return result as F;
      await this.#usable(image.id);
    }
  }

  /** From an image with the same bytes for which it was made already. */
  async #shared<F>(image: Image, { name, find }: Omit<Preparation<F>, 'make'>): Promise<F | undefined> {
    const path = join(this.#folder(image.id), name);
    for (const other of await equalImages(this.#parts.store.images, image)) {
      const source = join(this.#folder(other.id), name);
      // Its owner may delete it at any time: then this one's is made, as if the other had never been there.
      if (!(await find(other, source).catch(() => undefined))) continue;
      await this.#verifiedData(image.id);
      if (!(await shareFile(source, path))) continue;
      const found = await find(image, path);
      if (found) return found;
    }
    return undefined;
  }

  async #makeRaw(image: Image, target: string): Promise<{ path: string; size: number }> {
    const known = await this.#findRaw(image, target);
    if (known) return known;
    await this.#convert(image, target);
    return { path: target, size: (await stat(target)).size };
  }

  async #makeExtents(image: Image, target: string): Promise<ExtentsFile> {
    const known = await this.#findExtents(image, target);
    if (known) return known;
    const raw = join(this.#folder(image.id), 'raw');
    const hasRaw = (await this.#findRaw(image, raw)) !== undefined;
    // Keeping a raw file for this purpose only would double the disk space of an image.
    const source = hasRaw ? raw : `${target}.raw.part`;
    const started = performance.now();
    try {
      if (!hasRaw) await this.#convert(image, source);
      const facts = await writeExtentsFile(source, target, { ...this.#limits, signal: this.#signalFor(image.id) });
      this.#parts.log.info(
        { image: image.id, ms: Math.round(performance.now() - started), ...facts },
        'image compressed for machines',
      );
      return facts;
    } finally {
      if (!hasRaw) await rm(source, { force: true });
    }
  }

  /** Converts checked data to a raw file at `target`, atomically. */
  async #convert(image: Image, target: string): Promise<void> {
    const data = await this.#verifiedData(image.id);
    const part = `${target}.part`;
    await rm(part, { force: true });
    if (driverOf(image.disk_format as DiskFormat) === 'raw') await link(data.path, part);
    else await this.#decode(image, data.path, part);
    if (!target.endsWith('.part')) await recordDigest(part, target, this.#signalFor(image.id));
    await moveIntoPlace(part, target);
  }

  async #findRaw(image: Image, path: string): Promise<{ path: string; size: number } | undefined> {
    const size = await sizeOf(path);
    if (size === undefined || !(await this.#isSound(image, path, await recordedDigest(path)))) return undefined;
    return { path, size };
  }

  async #findExtents(image: Image, path: string): Promise<ExtentsFile | undefined> {
    const found = await findExtentsFile(path);
    return found && (await this.#isSound(image, path, { algorithm: 'sha256', value: found.sha256 })) ? found : undefined;
  }

  /** A file derived from an upload can be rebuilt; only a corrupt upload needs the operator. */
  async #isSound({ id }: Image, path: string, expected: Digest | undefined): Promise<boolean> {
    const other = expected ? await this.#sound.findOther(path, expected, this.#signalFor(id)) : 'not recorded';
    if (other === undefined) return true;
    // The upload may share its bytes (raw images are hard links), and is the next one to be trusted.
    this.#sound.forget(this.#folder(id));
    this.#parts.log.warn({ image: id, file: path, expected, found: other }, 'a prepared image is corrupt; rebuilding it');
    return false;
  }

  /** Checks it again: it may have been uploaded under older rules. */
  async #decode(image: Image, path: string, target: string): Promise<void> {
    const format = image.disk_format as DiskFormat;
    const how = { ...this.#limits, signal: this.#signalFor(image.id) };
    const virtualSize = await inspectImage(path, format, how).catch((error: unknown) => {
      if (!(error instanceof Fault && error.code === 'invalidImageData')) throw error;
      throw new Fault('imageUnusable', { image: image.name ?? image.id, detail: error.message }, error);
    });
    await writeFile(target, '', { mode: 0o600 });
    await convertImage({ source: { path, format: driverOf(format) }, target, virtualSize, ...how });
  }

  async #verifiedData(id: string): Promise<{ path: string }> {
    const image = await this.#usable(id);
    const path = join(this.#folder(id), 'data');
    if ((await sizeOf(path)) === undefined)
      throw new Fault('imageUnusable', { image: image.name ?? id, detail: 'its data is missing in the image store' });
    const { os_hash_algo: algorithm, os_hash_value: value } = image;
    if (!algorithm || !value) return { path };
    const other = await this.#sound.findOther(path, { algorithm, value }, this.#signalFor(id));
    if (other === undefined) return { path };
    const short = (digest: string) => `${algorithm} ${digest.slice(0, 16)}…`;
    throw new Fault('checksumMismatch', { image: image.name ?? id, expected: short(value), actual: short(other) });
  }

  async #usable(id: string): Promise<Image> {
    const image = await this.get(id);
    const unusable = (detail: string) => new Fault('imageUnusable', { image: image.name ?? id, detail });
    if (image.status !== 'active') throw unusable(`its status is ${image.status}, not active`);
    if (!isDiskFormat(image.disk_format)) throw unusable(`disk format ${image.disk_format} is not known`);
    return image;
  }

  #signalFor(id: string): AbortSignal {
    const removal = this.#removals.get(id) ?? new AbortController();
    this.#removals.set(id, removal);
    return AbortSignal.any([removal.signal, this.#stopping.signal]);
  }

  async #forgetConversions(id: string): Promise<void> {
    this.#sound.forget(this.#folder(id));
    for (const name of ['raw', 'raw.json', 'extents', 'extents.json']) await rm(join(this.#folder(id), name), { force: true });
  }

  /** Ids come from clients: only a UUID may become part of a path. */
  #folder(id: string): string {
    if (!imageIdPattern.test(id)) throw new Fault('notFound', { what: 'Image', id });
    return join(this.#parts.directory, id.toLowerCase());
  }
}

function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}
