/** Downloads, as the engine uses them. */
import type { ImageToFetch } from '#domain/image-to-fetch.ts';
import type { FetchedImage } from '#store/tables/fetched-images.ts';

/** What the engine requires to download what users name by URL. */
export type ImageFetcher = {
  /** Into the image store, unless it is there. @throws Fault `imageRefused`, `imageDownloadFailed` */
  fetch(wanted: ImageToFetch, signal: AbortSignal): Promise<FetchedImage>;
  /** A config drive, in any form that Ironic's agent takes, unless it is in that folder already. @returns its path */
  configDrive(url: string, directory: string, signal: AbortSignal): Promise<string>;
};
