/** Messages as lines of JSON, over a stream that may break at any moment. */
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';

/** Ignores stream errors: the end of the stream shows that the peer is gone. */
export function onMessage<T>(stream: Duplex, listener: (message: T) => void): void {
  const lines = createInterface({ input: stream });
  stream.on('error', () => {});
  lines.on('error', () => {});
  lines.on('line', (line) => {
    const message = parse<T>(line);
    if (message !== undefined) listener(message);
  });
}

export function sendMessage(stream: Duplex, message: unknown): void {
  if (stream.writable) stream.write(`${JSON.stringify(message)}\n`);
}

/** A peer that is killed while it writes leaves a partial line. */
function parse<T>(line: string): T | undefined {
  try {
    return JSON.parse(line) as T;
  } catch {
    return undefined;
  }
}
