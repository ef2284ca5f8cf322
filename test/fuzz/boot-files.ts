/**
 * GET and HEAD requests for boot files with all kinds of ranges: the responses must conform to RFC 9110 (section 14).
 */
import { randomBytes as anyBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHttp } from '#boot-server/http.ts';
import { MachineAddresses } from '#boot-server/machine-addresses.ts';
import { Plans } from '#boot-server/plans.ts';
import { aRecordingEngine } from '#test/a-recording-engine.ts';
import { pick, type Roll } from './dice.ts';
import { mutateBytes } from './mutations.ts';
import type { Target, Verdict } from './target.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} } as never;
const sizes = [0, 1, 1000];
const numbers = ['', '0', '1', '5', '999', '1000', '1001', '99999999999999', '999999999999999999999'];

/** First byte: the method. Second: the file. Then the range. */
function someRequest(roll: Roll): Buffer {
  const range = `${pick(['bytes', 'bytes', 'bytes', 'Bytes', 'lines', ''], roll)}${pick(['=', '=', ' ', ''], roll)}${pick(numbers, roll)}-${pick(numbers, roll)}`;
  const ranges = roll(8) === 0 ? `${range},${pick(numbers, roll)}-${pick(numbers, roll)}` : range;
  return Buffer.concat([
    Buffer.of(roll(2), roll(sizes.length)),
    roll(6) === 0 ? mutateBytes(Buffer.from(ranges), roll) : Buffer.from(ranges),
  ]);
}

/** The expected range. Several ranges, and an invalid range of bytes, mean the whole file. */
function wantedOf(range: string, size: number): { start: number; end: number } | 'none' | undefined {
  const [, unit = '', from = '', to = ''] = /^(bytes)=(\d*)-(\d*)$/.exec(range) ?? [];
  if (unit === '' || from + to === '' || (from !== '' && to !== '' && BigInt(to) < BigInt(from))) return undefined;
  // Numbers above the possible size of a file are not a range either.
  if (Math.max(from.length, to.length) > 15) return undefined;
  if (from === '' && Number(to) > 0 && size === 0) return undefined;
  if (from === '') return Number(to) === 0 ? 'none' : { start: Math.max(size - Number(to), 0), end: size };
  if (Number(from) >= size) return 'none';
  return { start: Number(from), end: to === '' ? size : Math.min(Number(to) + 1, size) };
}

type Reply = { statusCode: number; rawPayload: Buffer; headers: Record<string, unknown> };

function judge(reply: Reply, { file, range, isHead }: { file: Buffer; range: string; isHead: boolean }): void {
  const asked = `${isHead ? 'HEAD' : 'GET'} of ${file.length} bytes, ${JSON.stringify(range)}`;
  const wrong = (what: string) => new Error(`${asked}: ${what}`);
  const wanted = isHead ? undefined : wantedOf(range, file.length);
  const status = wanted === undefined ? 200 : wanted === 'none' ? 416 : 206;
  if (reply.statusCode !== status) throw wrong(`${reply.statusCode} instead of ${status}`);
  if (wanted === 'none') return;
  const part = wanted ? file.subarray(wanted.start, wanted.end) : file;
  if (Number(reply.headers['content-length']) !== part.length) throw wrong(`content-length ${reply.headers['content-length']}`);
  if (!reply.rawPayload.equals(isHead ? Buffer.alloc(0) : part)) throw wrong('another part of the file');
  const reported = wanted && `bytes ${wanted.start}-${wanted.end - 1}/${file.length}`;
  if (reply.headers['content-range'] !== reported) throw wrong(`content-range ${reply.headers['content-range']}`);
}

export const bootFileTarget: Target = {
  ...{ name: 'boot files, ranges', share: 1, slowMs: 500 },
  async open() {
    const folder = mkdtempSync(join(tmpdir(), 'ingot-fuzz-'));
    const files = sizes.map((size) => anyBytes(size));
    mkdirSync(join(folder, 'plan'));
    for (const [at, file] of files.entries()) writeFileSync(join(folder, 'plan', `file${at}`), file);
    const plans = new Plans(undefined);
    const named = files.map((_, at) => ({ name: `file${at}`, path: join(folder, 'plan', `file${at}`) }));
    await plans.put({ node_uuid: 'node', folder: 'plan', macs: [{ mac: '52:54:00:00:00:01' }], firmware: 'ipxe', files: named });
    const app = createHttp(
      {
        ...{ engine: aRecordingEngine(), plans, addresses: new MachineAddresses({ plans, isServed: false }), tftpRoot: folder },
        ...{ report: () => {}, log: silent, eventTaker: () => undefined },
        images: {
          disk: async () => Promise.reject(new Error('no image is asked for')),
          extents: async () => Promise.reject(new Error('no image is asked for')),
        },
      },
      'all',
    );
    await app.ready();
    return {
      make: someRequest,
      async feed(input): Promise<Verdict> {
        const [method = 0, which = 0] = input;
        const range = input
          .toString('latin1', 2)
          .replace(/[^\x20-\x7e]/g, '')
          .trim();
        const at = which % sizes.length;
        const isHead = method % 2 === 1;
        const reply = await app.inject({
          method: isHead ? 'HEAD' : 'GET',
          url: `/boot/files/plan/file${at}`,
          headers: { range },
        });
        judge(reply, { file: files[at] as Buffer, range, isHead });
        return reply.statusCode === 416 ? { read: false, reason: 'no such range' } : { read: true };
      },
      async close() {
        await app.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
};
