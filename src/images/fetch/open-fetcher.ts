/** The fetcher of the settings. */
import type { Logger } from 'pino';
import type { Store } from '#store/store.ts';
import type { ImageStore } from '../image-files.ts';
import { DriveFetcher } from './drive-fetcher.ts';
import { type FetchSettings, fetchRulesOf } from './fetch-rules.ts';
import { FetchedFiles } from './fetched-files.ts';
import { ImageFetcher } from './image-fetcher.ts';

type Parts = {
  readonly store: Store;
  readonly files: ImageStore;
  /** The folder of the image store. */
  readonly directory: string;
  readonly settings: FetchSettings;
  readonly log: Pick<Logger, 'info' | 'warn'>;
};

/** Call once, before the first fetch: it removes what a crash has left. */
export async function openFetcher({ store, files, directory, settings, log }: Parts): Promise<ImageFetcher> {
  const kept = new FetchedFiles({
    ...{ store, files, directory, log },
    keepMs: settings['images.fetched_keep'] * 1000,
    mostBytes: settings['images.fetched_gib'] * 1024 ** 3,
    space: { folder: directory, reserve: settings['images.reserve_mib'] * 1024 ** 2 },
  });
  const rules = fetchRulesOf(settings);
  await kept.start();
  const drives = new DriveFetcher(rules);
  return new ImageFetcher({ store, files, kept, drives, rules, allowsMd5: settings['images.allow_md5'], log });
}
