/** Serializes long lists item by item: `JSON.stringify` of a thousand large records would block the event loop. */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { TimeSlice } from '#async/time-slice.ts';
import { JsonItems, JsonText } from './json-text.ts';

const longList = 50;
const pieceBytes = 64 * 1024;
/** Up to this size the pieces are joined: a stream costs more than the copy. */
const joinedBytes = 1024 * 1024;
/** Items whose texts are no longer than this are serialized together: a call for each costs more than its text. */
const shortItem = 4 * 1024;
const itemsTogether = 16;

const isLong = (value: unknown): value is unknown[] => Array.isArray(value) && value.length > longList;
const isSliced = (value: unknown): boolean => isLong(value) || value instanceof JsonItems;

/** Applies to routes registered after it. */
export function sendLongListsInSlices(app: FastifyInstance): void {
  const written = new WeakMap<FastifyReply, readonly Buffer[]>();
  app.addHook('preSerialization', async (_request, reply, answer: unknown) => {
    if (typeof answer !== 'object' || answer === null) return answer;
    if (answer instanceof JsonText) {
      reply.serializer(() => answer.text);
      return answer;
    }
    if (!Object.values(answer).some(isSliced)) return answer;
    written.set(reply, await Array.fromAsync(jsonPieces(answer)));
    reply.serializer(() => '');
    return answer;
  });
  app.addHook('onSend', async (_request, reply, payload: unknown) => {
    const pieces = written.get(reply);
    if (!pieces) return payload;
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    reply.header('content-length', bytes);
    return bytes <= joinedBytes ? Buffer.concat(pieces) : Readable.from(pieces);
  });
}

/** The same bytes as `JSON.stringify` of an object without `toJSON`; yields to other requests in between. */
export async function* jsonPieces(answer: object): AsyncGenerator<Buffer> {
  const slice = new TimeSlice();
  let text = '';
  for (const part of jsonParts(answer)) {
    if (typeof part === 'string') text += part;
    if (typeof part !== 'string' || text.length >= pieceBytes) {
      if (text !== '') yield Buffer.from(text);
      text = '';
      if (typeof part !== 'string') yield part;
    }
    if (slice.isOver) await slice.pause();
  }
  yield Buffer.from(text);
}

function* jsonParts(answer: object): Generator<string | Buffer> {
  let before = '{';
  for (const [name, value] of Object.entries(answer)) {
    const key = `${before}${JSON.stringify(name)}:`;
    if (value instanceof JsonItems) {
      yield `${key}[`;
      yield* value.takePieces();
      yield ']';
    } else if (isLong(value)) {
      yield `${key}[`;
      yield* itemTexts(value);
      yield ']';
    } else {
      const text = JSON.stringify(value);
      if (text === undefined) continue;
      yield key + text;
    }
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
}

/** With commas between them. */
function* itemTexts(items: readonly unknown[]): Generator<string> {
  let count = 1;
  for (let start = 0; start < items.length; ) {
    const some = items.slice(start, start + count);
    const text = JSON.stringify(some).slice(1, -1);
    yield start === 0 ? text : `,${text}`;
    start += some.length;
    count = text.length <= shortItem * some.length ? itemsTogether : 1;
  }
}
