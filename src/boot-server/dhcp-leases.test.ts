import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { BootPlan } from '#drivers/interfaces.ts';
import { readLeases, removeLeases, staleLeases } from './dhcp-leases.ts';

const text = [
  '1795342524 52:54:00:aa:00:01 172.31.9.7 web1 *',
  '1795342523 52:54:00:aa:00:02 172.31.9.5 web2 01:52:54:00:aa:00:02',
  '1795342523 52:54:00:aa:00:09 172.31.9.9 * *',
  'duid 00:01:00:01:2c',
  '',
].join('\n');
const plan: BootPlan = {
  node_uuid: 'a',
  folder: 'a',
  macs: [{ mac: '52:54:00:aa:00:01', address: '172.31.9.5' }, { mac: '52:54:00:aa:00:02' }],
  firmware: 'none',
  files: [],
};

test('removes leases of unknown MACs and leases on reserved addresses from the file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'ingot-leases-'));
  try {
    const file = join(directory, 'leases');
    assert.deepEqual(await readLeases(file), []);
    await writeFile(file, text);
    const leases = await readLeases(file);
    assert.equal(leases.length, 3);
    const stale = staleLeases(leases, [plan]);
    assert.deepEqual(
      stale.map(({ address }) => address),
      ['172.31.9.5', '172.31.9.9'],
    );
    await removeLeases(file, stale);
    assert.equal(await readFile(file, 'utf8'), '1795342524 52:54:00:aa:00:01 172.31.9.7 web1 *\nduid 00:01:00:01:2c\n');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
