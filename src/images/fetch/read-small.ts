/** Reads a small file of a user's URL into memory. */
import { Fault } from '#domain/faults.ts';
import { steadyStream } from '../steady-stream.ts';
import { downloadFailed } from './http-source.ts';
import { type FetchRules, openSource } from './open-source.ts';
import { refuseUrl } from './url-rules.ts';

type Bounds = { readonly rules: FetchRules; readonly signal: AbortSignal; readonly mostBytes: number };

/** @throws Fault `imageRefused` or `imageDownloadFailed` */
export async function readSmallFile(url: string, { rules, signal, mostBytes }: Bounds): Promise<Buffer> {
  const source = await openSource(url, { rules, signal });
  try {
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of steadyStream(source.stream, rules.http.stallMs) as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > mostBytes) throw refuseUrl(url, `It has more than ${mostBytes} bytes.`);
      pieces.push(piece);
    }
    return Buffer.concat(pieces);
  } catch (error) {
    throw asFetchFault(url, error, signal);
  } finally {
    await source.close();
  }
}

/** A stream that failed says so in words of its own. */
export function asFetchFault(url: string, error: unknown, signal: AbortSignal): unknown {
  signal.throwIfAborted();
  const isFault = error instanceof Fault;
  if (isFault && error.code === 'requestTimeout') return downloadFailed(url, 'the server sends too slowly', error);
  if (isFault && error.code === 'clientDisconnected')
    return downloadFailed(url, 'the connection ended before the file did', error);
  if (isFault && (error.code === 'badRequest' || error.code === 'tooLarge'))
    return refuseUrl(url, error.message.replace(/^The (upload|image data)/, 'The file'), error);
  return isFault || !isOfConnection(error) ? error : downloadFailed(url, error.message, error);
}

function isOfConnection(error: unknown): error is Error {
  return (
    error instanceof Error &&
    /^(E[A-Z]+|HPE_\w+|ERR_(STREAM|HTTP|SSL|TLS)\w*)$/.test(String((error as NodeJS.ErrnoException).code))
  );
}
