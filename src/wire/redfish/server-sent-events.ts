/** Server-sent events over one long response: `text/event-stream` of the HTML standard, section 9.2. */
import type { IncomingMessage } from 'node:http';
import type { Outgoing } from './exchange.ts';
import { isObject } from './messages.ts';
import { RedfishError, type Resource } from './redfish-client.ts';
import { readReply } from './reply.ts';

/** `body`: an Event or a MetricReport. */
export type ServerEvent = { readonly id: string | undefined; readonly body: Resource };

export type EventStream = {
  /** Resolves when the stream has ended, whichever side ended it. */
  readonly ended: Promise<void>;
  close(): void;
};

type Streaming = {
  readonly outgoing: Outgoing;
  readonly open: (outgoing: Outgoing) => Promise<IncomingMessage>;
  readonly heard: (event: ServerEvent) => void;
  readonly signal: AbortSignal;
};

const longestEvent = 1024 * 1024;
const largestRefusal = 64 * 1024;
/** A service that exceeds this rate is broken: the stream is closed and reopened after a pause. */
const mostPerMinute = 4 * 1024 * 1024;

export async function streamEvents({ outgoing, open, heard, signal }: Streaming): Promise<EventStream> {
  const reply = await open(outgoing);
  const request = `GET ${outgoing.path}`;
  if (reply.statusCode !== 200) await refuse(reply, request);
  if (!/^text\/event-stream\b/i.test(reply.headers['content-type'] ?? '')) {
    reply.destroy();
    throw new RedfishError('unfit', { request, detail: 'the reply is no stream of events' });
  }
  // The service may be idle for days: TCP keep-alive detects a dead peer.
  reply.socket.setKeepAlive(true, 60_000);
  reply.socket.setTimeout(0);
  const close = () => void reply.destroy();
  signal?.addEventListener('abort', close, { once: true });
  const ended = read(reply, heard).finally(() => {
    signal?.removeEventListener('abort', close);
    reply.destroy();
  });
  return { ended, close };
}

async function refuse(reply: IncomingMessage, request: string): Promise<never> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestRefusal) break;
    chunks.push(chunk);
  }
  reply.destroy();
  const status = reply.statusCode === 200 ? 500 : (reply.statusCode ?? 500);
  readReply({ status, headers: {}, body: Buffer.concat(chunks) }, { request });
  throw new RedfishError('answered', { request, detail: `status ${status} for a stream`, status });
}

async function read(reply: IncomingMessage, heard: (event: ServerEvent) => void): Promise<void> {
  const parser = createEventParser(heard);
  reply.setEncoding('utf8');
  try {
    let minute = { begun: performance.now(), heard: 0 };
    for await (const text of reply as unknown as AsyncIterable<string>) {
      if (performance.now() - minute.begun > 60_000) minute = { begun: performance.now(), heard: 0 };
      minute.heard += text.length;
      if (minute.heard > mostPerMinute) return;
      parser(text);
    }
  } catch {
    // Aborted, closed or over the rate limit: the stream has ended.
  }
}

/** @returns a handler for the next chunk, split anywhere; it throws if an event exceeds the limit */
export function createEventParser(heard: (event: ServerEvent) => void): (text: string) => void {
  /** Chunks of an incomplete line: joined only once, however small they are. */
  let pieces: string[] = [];
  let pending = 0;
  let data: string[] = [];
  let size = 0;
  let id: string | undefined;
  const dispatch = () => {
    const body = parse(data.join('\n'));
    data = [];
    size = 0;
    if (body) heard({ id, body });
  };
  const line = (text: string) => {
    if (text === '') return dispatch();
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(text) ?? [];
    if (field === 'data') data.push(value);
    if (field === 'id') id = value;
    size += text.length;
    if (size > longestEvent) throw new Error('an event without end');
  };
  return (text) => {
    if (text === '') return;
    pieces.push(text);
    pending += text.length;
    // A trailing carriage return may be the first half of a CRLF.
    if (!/[\r\n]/.test(text) && !pieces.at(-2)?.endsWith('\r')) {
      if (pending > longestEvent) throw new Error('a line without end');
      return;
    }
    const lines = pieces.join('').split(/\r\n|\n|\r(?!$)/);
    const rest = lines.pop() ?? '';
    pieces = [rest];
    pending = rest.length;
    if (pending > longestEvent) throw new Error('a line without end');
    for (const one of lines) line(one);
  };
}

/** Data that is not a JSON object is not an event. */
function parse(text: string): Resource | undefined {
  if (text === '') return undefined;
  try {
    const value = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
