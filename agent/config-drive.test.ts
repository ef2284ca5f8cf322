import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { placeAtEnd, writeConfigDrive } from './config-drive.ts';
import { Log } from './log.ts';
import { fileMachine } from './machine.ts';
import { ServerLink } from './server-link.ts';
import { StandInServer } from './stand-in-server.ts';

const mebibyte = 1024 ** 2;
const folder = mkdtempSync(join(tmpdir(), 'ingot-agent-'));
const disk = join(folder, 'disk');
const stop = new AbortController();
const server = new StandInServer();
let link: ServerLink;

before(async () => {
  link = new ServerLink({ url: await server.listen(), token: server.token }, stop.signal);
});
after(async () => {
  stop.abort();
  await server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => rmSync(disk, { force: true }));

/** A disk of 512 MiB with an image of 200 MiB, according to its partition table. */
function diskWithImage(table: 'dos' | 'gpt', partitions = 'start=1MiB, size=150MiB'): void {
  writeFileSync(disk, '');
  truncateSync(disk, 200 * mebibyte);
  execFileSync('sfdisk', ['-q', disk], { input: `label: ${table}\n${partitions}\n` });
  truncateSync(disk, 512 * mebibyte);
}

function makeIso(text: string, fillBytes = 0): Buffer {
  const source = join(folder, 'source');
  rmSync(source, { recursive: true, force: true });
  mkdirSync(join(source, 'openstack/latest'), { recursive: true });
  writeFileSync(join(source, 'openstack/latest/meta_data.json'), text);
  writeFileSync(join(source, 'fill'), Buffer.alloc(fillBytes, 1));
  execFileSync('genisoimage', ['-quiet', '-R', '-V', 'config-2', '-o', join(folder, 'iso'), source]);
  return readFileSync(join(folder, 'iso'));
}

async function write(iso: Buffer, sha256 = createHash('sha256').update(iso).digest('hex')) {
  server.files.set('/drive', iso);
  const machine = fileMachine([disk], () => {});
  const params = { path: '/drive', sha256, size: iso.length, device: disk };
  return writeConfigDrive(params, { machine, link, log: new Log(() => {}) }, stop.signal);
}

type Seen = { label: string; partitions: { start: number; size: number }[] };
const tableOf = (): Seen => JSON.parse(execFileSync('sfdisk', ['--json', disk], { encoding: 'utf8' })).partitiontable;

/** What blkid, which cloud-init uses, finds at the partition. */
function labelAt(offset: number): string {
  return execFileSync('blkid', ['-p', '-O', `${offset}`, '-s', 'LABEL', '-o', 'value', disk], { encoding: 'utf8' }).trim();
}

for (const table of ['dos', 'gpt'] as const) {
  test(`adds a 64 MiB partition at the end of a ${table} disk, which blkid labels config-2`, async () => {
    diskWithImage(table);
    const iso = makeIso('{"name":"one"}');
    const { offset } = await write(iso);
    const { partitions } = tableOf();
    assert.equal(partitions.length, 2);
    assert.deepEqual(partitions[1] && [partitions[1].start * 512, partitions[1].size * 512], [offset, 64 * mebibyte]);
    assert.ok(offset >= (512 - 66) * mebibyte, `${offset} is near the end`);
    assert.equal(labelAt(offset), 'config-2');
    assert.ok(
      readFileSync(disk)
        .subarray(offset, offset + iso.length)
        .equals(iso),
    );
    execFileSync('sfdisk', ['--verify', disk]);
  });

  test(`replaces the config drive on a ${table} disk`, async () => {
    diskWithImage(table);
    const first = await write(makeIso('{"name":"one"}'));
    const second = await write(makeIso('{"name":"two"}'));
    assert.deepEqual(second, first);
    const larger = makeIso('{"name":"three"}', 80 * mebibyte);
    const third = await write(larger);
    const { partitions } = tableOf();
    assert.equal(partitions.length, 2);
    assert.ok((partitions[1]?.size ?? 0) * 512 >= larger.length);
    assert.equal(labelAt(third.offset), 'config-2');
  });
}

test('shrinks the partition to its content if space is short', async () => {
  diskWithImage('dos', 'start=1MiB, size=199MiB');
  truncateSync(disk, 204 * mebibyte);
  const { offset } = await write(makeIso('{}'));
  assert.equal(offset, 203 * mebibyte);
});

test('rejects a disk without space, one without a partition table, and a wrong checksum', async () => {
  diskWithImage('dos', 'start=1MiB, size=199MiB');
  truncateSync(disk, 200 * mebibyte);
  await assert.rejects(write(makeIso('{}')), /has no room for a config drive: partitions end at 209715200 of 209715200 bytes/);
  writeFileSync(disk, Buffer.alloc(mebibyte));
  await assert.rejects(write(makeIso('{}')), /has no partition table/);
  await assert.rejects(write(makeIso('{}'), 'a'.repeat(64)), /checksum mismatch/);
});

test('keeps the partition within the first 2 TiB of an MBR disk', () => {
  const room = { device: '/dev/sda', size_bytes: 4 * 1024 ** 4, wantedBytes: 1000 };
  const { start, size } = placeAtEnd({ label: 'dos', partitions: [] }, room);
  assert.equal(start + size, 2 * 1024 ** 4);
  assert.equal(placeAtEnd({ label: 'dos', sectorsize: 4096, partitions: [] }, room).start, 4 * 1024 ** 4 - 64 * mebibyte);
});
