/**
 * Imports of image data. Each is a row with a deadline: one that a restart has interrupted begins anew, until it succeeds or its
 * deadline has passed. An import has its image for itself: the row of the image names it.
 */
import { randomUUID } from 'node:crypto';
import { Semaphore } from '#async/semaphore.ts';
import { asFault, Fault, redactFault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { checkOpenable, type FetchRules, openSource } from '#images/fetch/open-source.ts';
import { asFetchFault } from '#images/fetch/read-small.ts';
import { shownUrl } from '#images/fetch/url-rules.ts';
import type { Store } from '#store/store.ts';
import type { ImageTask, ImportSource } from '#store/tables/image-tasks.ts';
import type { Image } from '#store/tables/images.ts';
import type { Caller } from '../../caller.ts';
import type { ImageData } from '../context.ts';
import { refuseManyUploads } from '../limits.ts';
import { storeId } from './import-request.ts';
import { sweepStaged } from './staging.ts';

export type ImportSettings = {
  readonly 'images.import_methods': readonly string[];
  readonly 'images.import_timeout': number;
  readonly 'images.staged_keep': number;
};

type Note = (about: object, message: string) => void;

export type ImportParts = {
  readonly store: Store;
  readonly images: ImageData;
  readonly rules: FetchRules;
  readonly settings: ImportSettings;
  readonly log: { readonly info: Note; readonly warn: Note };
};

/** They read and write disks. */
const importsAtOnce = 16;
/** Of one project: slow servers, which it chooses, must not keep others waiting. */
const importsOfOne = 2;
/** Glance's `task_time_to_live`. */
const keptMs = 48 * 3_600_000;
/** Of one project. */
const mostTasks = 500;
const sweepMs = 3_600_000;
const longestTimer = 2 ** 31 - 1;

type Run = { readonly stop: AbortController; readonly ended: Promise<void> };

export class ImageImports {
  readonly #parts: ImportParts;
  readonly #slots = new Semaphore(importsAtOnce);
  /** By project, while it imports. */
  readonly #slotsOf = new Map<string, Semaphore>();
  readonly #closing = new AbortController();
  /** By image. */
  readonly #runs = new Map<string, Run>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: ImportParts) {
    this.#parts = parts;
  }

  /** That the settings allow. */
  get methods(): readonly string[] {
    return this.#parts.settings['images.import_methods'];
  }

  /** @throws Fault `badRequest`; of a name, the address is checked when it is known */
  checkUrl(uri: string): void {
    try {
      if (!/^https?:\/\//i.test(uri))
        throw new Fault('imageRefused', { image: shownUrl(uri), detail: 'It is not http or https.' });
      checkOpenable(uri, this.#parts.rules);
    } catch (error) {
      throw new Fault('badRequest', { detail: `URI for web-download does not pass filtering: ${shownUrl(uri)}` }, error);
    }
  }

  /** @throws Fault `conflict` if another request was faster, `tooLarge` */
  async begin(caller: Caller, image: Image, { source, request_id }: { source: ImportSource; request_id: string }): Promise<void> {
    const { store, settings } = this.#parts;
    const now = Date.now();
    const at = new Date(now).toISOString();
    const method: JsonObject = { name: source.method, ...(source.method === 'web-download' && { uri: shownUrl(source.uri) }) };
    const task: ImageTask = {
      ...{
        id: randomUUID(),
        image_id: image.id,
        status: 'pending',
        owner: caller.project_id,
        user_id: caller.user_id,
        request_id,
      },
      ...{ input: { image_id: image.id, import_req: { method }, backend: [storeId] }, source, result: null, message: '' },
      ...{ created_at: at, updated_at: at, expires_at: null },
      deadline_at: new Date(now + settings['images.import_timeout'] * 1000).toISOString(),
    };
    await store.transaction(async (trx) => {
      if (!caller.is_admin && source.method === 'web-download') await refuseManyUploads(trx, image.owner);
      const { status, size } = image;
      const claim = { status: 'importing', import_task: task.id, import_state: 'running', updated_at: at } as const;
      // Staged data is as trusted as who has staged it.
      const by = source.method === 'web-download' && { uploaded_by_admin: caller.is_admin };
      if ((await trx.images.update({ id: image.id, status, size, import_task: null }, { ...claim, ...by })) === 0)
        throw new Fault('conflict', {
          detail: `New operation on image '${image.id}' is not permitted as prior operation is still in progress`,
        });
      await trx.image_tasks.insert(task);
      await trx.image_tasks.keepNewest(task.owner, mostTasks);
    });
    this.#start(task);
  }

  /** After a restart. Call once, before the first request. */
  async resume(): Promise<void> {
    const { store, images, log } = this.#parts;
    const tasks = await store.image_tasks.list({ status: ['pending', 'processing'] });
    for (const task of tasks) this.#start(task);
    const running = new Set(tasks.map(({ id }) => id));
    for (const { id, import_task } of await store.images.pick(['id', 'import_task'], { status: 'importing' })) {
      if (running.has(import_task ?? '')) continue;
      const back = { status: 'queued', size: null, import_task: null, import_state: 'failed' } as const;
      await images.unstage(id);
      await store.images.update({ id, status: 'importing' }, back);
    }
    for (const { id } of await store.images.pick(['id'], { status: 'uploading', size: null })) {
      await images.unstage(id);
      await store.images.update({ id, status: 'uploading', size: null }, { status: 'queued' });
    }
    this.#timer = setInterval(() => {
      this.sweep().catch((error: unknown) => log.warn({ err: error }, 'could not remove old imports and staged images'));
    }, sweepMs).unref();
  }

  async sweep(): Promise<void> {
    const { store, images, settings } = this.#parts;
    await store.image_tasks.sweep();
    await sweepStaged({ store, images }, settings['images.staged_keep'] * 1000);
  }

  /** Aborts the import of an image that was deleted. */
  async stop(image_id: string): Promise<void> {
    const run = this.#runs.get(image_id);
    run?.stop.abort(new Fault('notFound', { what: 'Image', id: image_id }));
    await run?.ended;
  }

  /** Until all that run have ended, also those that wait. */
  async idle(): Promise<void> {
    while (this.#runs.size > 0) await Promise.all([...this.#runs.values()].map(({ ended }) => ended));
  }

  /** What runs begins anew at the next start. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort(new Fault('interrupted', { what: 'The import', why: 'Ingot is stopping' }));
    await this.idle();
  }

  #start(task: ImageTask): void {
    const stop = new AbortController();
    const ended = this.#run(task, stop.signal).finally(() => {
      // The image may have another import by now.
      if (this.#runs.get(task.image_id)?.stop === stop) this.#runs.delete(task.image_id);
    });
    this.#runs.set(task.image_id, { stop, ended });
  }

  async #run(task: ImageTask, stopped: AbortSignal): Promise<void> {
    const { log } = this.#parts;
    const left = Math.max(0, Math.min(Date.parse(task.deadline_at) - Date.now(), longestTimer));
    const late = AbortSignal.timeout(left);
    const signal = AbortSignal.any([stopped, this.#closing.signal, late]);
    try {
      await this.#inTurn(task, signal);
      log.info({ image: task.image_id, task: task.id }, 'image data imported');
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      log.warn({ err: error, image: task.image_id, task: task.id }, 'an import of image data has failed');
      const why = late.aborted ? new Fault('requestTimeout', { detail: 'The import was not completed in time.' }) : error;
      await this.#fail(task, why).catch((err: unknown) =>
        log.warn({ err, task: task.id }, 'an import could not be ended; retried at the next start'),
      );
    }
  }

  async #inTurn(task: ImageTask, signal: AbortSignal): Promise<void> {
    const { owner } = task;
    const own = this.#slotsOf.get(owner) ?? new Semaphore(importsOfOne);
    this.#slotsOf.set(owner, own);
    try {
      await own.run(() => this.#slots.run(() => this.#import(task, signal), signal), signal);
    } finally {
      if (own.isIdle) this.#slotsOf.delete(owner);
    }
  }

  async #import(task: ImageTask, signal: AbortSignal): Promise<void> {
    const { store, images } = this.#parts;
    const { id, image_id } = task;
    signal.throwIfAborted();
    const mine = { id: image_id, status: 'importing', import_task: id } as const;
    const image = await store.images.find(mine);
    if (!image || !task.source) throw new Fault('notFound', { what: 'Image', id: image_id });
    await store.image_tasks.update({ id }, { status: 'processing', updated_at: new Date().toISOString() });
    const facts = await this.#receive(image, { source: task.source, signal });
    const updated_at = new Date().toISOString();
    await store.transaction(async (trx) => {
      const done = { ...facts, status: 'active', import_task: null, import_state: 'done', updated_at } as const;
      if ((await trx.images.update(mine, done)) === 0) throw new Fault('notFound', { what: 'Image', id: image_id });
      await trx.image_tasks.update({ id }, { ...ended(), status: 'success', result: { image_id } });
    });
    await images.unstage(image_id);
  }

  async #receive({ id, disk_format }: Image, { source, signal }: { source: ImportSource; signal: AbortSignal }) {
    const { images, rules } = this.#parts;
    const asked = { disk_format, signal, unpacks: true, checks_boot_record: true };
    if (source.method === 'glance-direct') {
      const { stream, size } = await images.staged(id);
      return images.upload(id, stream, { ...asked, size }).finally(() => stream.destroy());
    }
    const file = await openSource(source.uri, { rules, signal });
    try {
      return await images.upload(id, file.stream, { ...asked, ...(file.size !== undefined && { size: file.size }) });
    } catch (error) {
      throw asFetchFault(source.uri, error, signal);
    } finally {
      await file.close();
    }
  }

  /** The image waits for data again, unless it was deleted meanwhile. */
  async #fail({ id, image_id }: ImageTask, error: unknown): Promise<void> {
    const { store, images } = this.#parts;
    const message = redactFault(asFault(error)).message.slice(0, 4000);
    const row = await store.images.find({ id: image_id });
    if (!row || row.status === 'deleted') await images.remove(image_id);
    else if (row.import_task === id) await images.unstage(image_id);
    await store.transaction(async (trx) => {
      const back = { status: 'queued', size: null, import_task: null, import_state: 'failed' } as const;
      await trx.images.update({ id: image_id, status: 'importing', import_task: id }, back);
      await trx.image_tasks.update({ id }, { ...ended(), status: 'failure', message });
    });
  }
}

function ended() {
  const now = Date.now();
  return { source: null, updated_at: new Date(now).toISOString(), expires_at: new Date(now + keptMs).toISOString() };
}
