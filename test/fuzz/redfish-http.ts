/**
 * Tolerated deviations of BMCs' web servers: folded headers, bare line feeds, compressed bodies, raw control
 * characters, numbers beyond 2^53. The parsed content must be the intended one.
 */
import { isDeepStrictEqual } from 'node:util';
import { deflateSync, gzipSync } from 'node:zlib';
import { openRedfishClient } from '#wire/redfish/client.ts';
import { RedfishError } from '#wire/redfish/redfish-client.ts';
import { dice, pick, type Roll } from './dice.ts';
import { someJsonText } from './json-texts.ts';
import { peerTarget } from './stream-peers.ts';
import { diceOf, seedInput, type Target } from './target.ts';

type Reply = { readonly bytes: Buffer; readonly meant: unknown };

const oddHeaders: readonly string[] = [
  'X-Folded: one\r\n two',
  'X-Folded:\r\n\tone',
  'X-Empty:',
  'Strict-Transport-Security: max-age=31536000 ',
  'X-Control: a\u0001b',
  'Etag: W/"1"',
];
const encodings: readonly (readonly [name: string, pack: (body: Buffer) => Buffer])[] = [
  ['', (body) => body],
  ['', (body) => body],
  ['gzip', (body) => gzipSync(body)],
  ['X-GZIP', (body) => gzipSync(body)],
  ['deflate', (body) => deflateSync(body)],
  ['identity', (body) => body],
];

function chunked(body: Buffer, roll: Roll): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const part = body.subarray(at, at + 1 + roll(40));
    parts.push(Buffer.from(`${part.length.toString(16)}${pick(['', ';x=y'], roll)}\r\n`), part, Buffer.from('\r\n'));
    at += part.length;
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

function someReply(input: Buffer): Reply {
  const roll = diceOf(input);
  const { json, kept } = someJsonText(roll, true);
  const text = `${pick(['', '', '\uFEFF'], roll)}{"Value":${json}}${pick(['', '\n', '\0', '\0\0\0'], roll)}`;
  const [encoding, pack] = pick(encodings, roll);
  const body = pack(Buffer.from(text));
  const isChunked = roll(2) === 0;
  const headers = [
    'HTTP/1.1 200 OK',
    `Content-Type: ${pick(['application/json', 'text/html', 'text/plain; charset=utf-8', ''], roll)}`,
    ...(encoding === '' ? [] : [`Content-Encoding: ${encoding}`]),
    ...oddHeaders.filter(() => roll(4) === 0),
    isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`,
    '',
    '',
  ];
  const head = Buffer.from(headers.join(roll(6) === 0 ? '\n' : '\r\n'), 'latin1');
  return { bytes: Buffer.concat([head, isChunked ? chunked(body, roll) : body]), meant: kept };
}

const maxWait = { readMs: 4_000, connectMs: 2_000, closeMs: 200 };

export const redfishHttpTarget: Target = peerTarget({
  ...{ name: 'redfish peer, odd replies', share: 0.3, refuses: [] },
  make: seedInput,
  /** In two pieces, split anywhere. */
  speak(socket, input) {
    const { bytes } = someReply(input);
    const cut = dice(input[0] ?? 0)(bytes.length);
    socket.once('data', () => {
      socket.write(bytes.subarray(0, cut));
      setImmediate(() => socket.write(bytes.subarray(cut)));
    });
  },
  async ask(port, input) {
    const url = `http://127.0.0.1:${port}`;
    const login = { user: 'admin', password: 'password1', auth: 'basic', trust: { by: 'nothing' } } as const;
    const client = openRedfishClient({ url, ...login }, maxWait);
    try {
      const { body } = await client.get('/redfish/v1/Systems/1');
      const { meant } = someReply(input);
      if (!isDeepStrictEqual(body['Value'], meant))
        throw new Error(`${JSON.stringify(body['Value'])} was read, ${JSON.stringify(meant)} was meant`);
    } catch (error) {
      if (!(error instanceof RedfishError)) throw error;
      throw new Error(`${error.message}: ${JSON.stringify(someReply(input).bytes.toString('latin1').slice(0, 600))}`, {
        cause: error,
      });
    } finally {
      await client.close();
    }
  },
});
