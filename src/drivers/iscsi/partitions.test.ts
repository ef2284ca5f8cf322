import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeLeadIn, planPartitions } from './partitions.ts';
import { encodeSwapHead } from './swap-area.ts';

const mib = 1024 * 1024;
const gib = 1024 * mib;
const flavor = { name: 'metal', disk: 2, ephemeral: 1, swap: 512 };

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-mbr-'));
});
after(() => rm(folder, { recursive: true, force: true }));

test('with ephemeral: ephemeral, swap, root, config drive', () => {
  const partitions = planPartitions({ flavor, imageBytes: gib, diskBytes: 10 * gib });
  assert.deepEqual(partitions, [
    { role: 'ephemeral', start: mib, length: gib },
    { role: 'swap', start: mib + gib, length: 512 * mib },
    { role: 'root', start: gib + 513 * mib, length: 2 * gib },
    { role: 'config', start: 3 * gib + 513 * mib, length: 64 * mib },
  ]);
});

test('without: root, swap of at least 1 MiB, config drive; root holds the image', () => {
  const partitions = planPartitions({
    flavor: { ...flavor, disk: 0, ephemeral: 0, swap: 0 },
    imageBytes: 300 * mib + 1,
    diskBytes: gib,
  });
  assert.deepEqual(
    partitions.map(({ role, length }) => [role, length / mib]),
    [
      ['root', 301],
      ['swap', 1],
      ['config', 64],
    ],
  );
});

test('rejects what does not fit, with sizes', () => {
  const plan = (changes: object, diskBytes: number) => () =>
    planPartitions({ flavor: { ...flavor, ...changes }, imageBytes: 0, diskBytes });
  assert.throws(plan({}, 3 * gib), { code: 'diskUnfit', message: /needs 3649 MiB, the disk has 3072 MiB/ });
  assert.throws(plan({ disk: 2100 }, 10_000 * gib), {
    code: 'diskUnfit',
    message: /root lies beyond the 2 TiB|beyond the 2 TiB/,
  });
});

test('sfdisk reads the intended table', async () => {
  const file = join(folder, 'disk');
  const partitions = planPartitions({ flavor, imageBytes: gib, diskBytes: 10 * gib });
  await writeFile(file, encodeLeadIn(partitions, 'server'));
  await truncate(file, 10 * gib);
  const { partitiontable: table } = JSON.parse(execFileSync('sfdisk', ['--json', file], { encoding: 'utf8' }));
  assert.equal(table.label, 'dos');
  assert.deepEqual(
    table.partitions.map((entry: { start: number; size: number; type: string }) => [
      entry.start * 512,
      entry.size * 512,
      entry.type,
    ]),
    partitions.map(({ role, start, length }) => [start, length, role === 'swap' ? '82' : '83']),
  );
  assert.doesNotMatch(execFileSync('sfdisk', ['--verify', file], { encoding: 'utf8' }), /overlap|outside/i);
  assert.ok(encodeLeadIn(partitions, 'server').equals(encodeLeadIn(partitions, 'server')));
});

test("blkid and the kernel's format agree with the swap header", async () => {
  const file = join(folder, 'swap');
  await writeFile(file, encodeSwapHead(512 * mib));
  await truncate(file, 512 * mib);
  const facts = execFileSync('blkid', ['-p', '-o', 'export', file], { encoding: 'utf8' });
  assert.match(facts, /^TYPE=swap$/m);
  assert.match(facts, /^LABEL=swap1$/m);
  assert.match(facts, /^VERSION=1$/m);
  // Except for the UUID, the bytes equal those of mkswap.
  const uuid = /^UUID=(.+)$/m.exec(facts)?.[1] ?? '';
  const other = join(folder, 'other');
  await writeFile(other, '');
  await truncate(other, 512 * mib);
  execFileSync('mkswap', ['-q', '-L', 'swap1', '-U', uuid, other], { stdio: 'ignore' });
  execFileSync('cmp', [file, other]);
});
