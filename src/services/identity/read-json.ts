/** The replies of other servers that this service asks: JSON of bounded length. */
import type { IncomingMessage } from 'node:http';

/** Longer ones have nothing that is asked for here. */
const longestReply = 256 * 1024;

/** @returns undefined if it is no JSON. @throws what `tooLong` makes of a reply that does not end */
export async function readJson(response: IncomingMessage, tooLong: (detail: string) => Error): Promise<unknown> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > longestReply) throw tooLong(`its reply is longer than ${longestReply} bytes`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString());
  } catch {
    return undefined;
  }
}
