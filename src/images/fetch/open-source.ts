/** Opens what a user's URL names: a file of a web server, or of this host. */
import type { Readable } from 'node:stream';
import { type FileRules, openLocalFile } from './file-source.ts';
import { checkUrl, type HttpRules, openHttpFile, type Validators } from './http-source.ts';
import { parseImageUrl } from './url-rules.ts';

export type FetchRules = { readonly http: HttpRules; readonly files: FileRules };

export type Source = {
  readonly stream: Readable;
  readonly size?: number;
  /** By which a later fetch tells whether the file has changed; null: it cannot tell. */
  readonly version: string | null;
  close(): Promise<void>;
};

type Opening = { readonly rules: FetchRules; readonly signal: AbortSignal; readonly version: string | null };

/** @throws Fault `imageRefused` or `imageDownloadFailed` */
export async function openSource(url: string, opening: Omit<Opening, 'version'>): Promise<Source> {
  const source = await openChanged(url, { ...opening, version: null });
  if (!source) throw new Error('a file of which nothing was known cannot be unchanged');
  return source;
}

/**
 * @param version of the copy that is already here
 * @returns undefined if that is still the file. Throws Fault `imageRefused` or `imageDownloadFailed`.
 */
export async function openChanged(text: string, { rules, signal, version }: Opening): Promise<Source | undefined> {
  const url = parseImageUrl(text);
  if (url.protocol !== 'file:') {
    const known = version === null ? {} : (JSON.parse(version) as Validators);
    const file = await openHttpFile(url, rules.http, { signal, known });
    return file && { ...file, version: versionOf(file.validators), close: async () => void file.stream.destroy() };
  }
  const file = await openLocalFile(url, rules.files);
  if (file.version !== version) return file;
  await file.close();
  return undefined;
}

/** For a copy that is here already: whether it might be fetched again. */
export function checkOpenable(text: string, { http }: FetchRules): void {
  const url = parseImageUrl(text);
  if (url.protocol !== 'file:') checkUrl(url, url, http);
}

function versionOf(validators: Validators): string | null {
  return Object.keys(validators).length > 0 ? JSON.stringify(validators) : null;
}
