import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyRaid } from './apply-raid.ts';
import { Log } from './log.ts';
import type { Machine } from './machine.ts';

const mirror = { raid_level: '1', size_gb: 10, controller: 'software', volume_name: 'root' };
const rest = { raid_level: '1', size_gb: 'MAX', controller: 'software', volume_name: 'data' };
const context = { progress: () => {}, signal: new AbortController().signal };

const arrayLine = (name: string, number: number) =>
  `ARRAY /dev/md/${name} level=raid1 metadata=1.2 num-devices=2 UUID=u:${number} name=any:${name}\n` +
  `   devices=/dev/vda${number},/dev/vdb${number}\n`;

/** A machine with two disks, whose `mdadm` keeps the arrays as a scan reports them. `fails`: what it cannot do. */
function aMachine(arrays: string[], fails: RegExp) {
  const ran: string[] = [];
  const run: Machine['run'] = async (program, args) => {
    const line = [program, ...args].join(' ');
    ran.push(line);
    if (fails.test(line)) throw new Error(`${program} failed (exit 1): ${args.at(-1)} is busy`);
    if (line.startsWith('mdadm --examine')) return arrays.join('');
    if (line.startsWith('sfdisk --json')) throw new Error('no partition table');
    const created = /^mdadm --create .*--name=(\w+)/.exec(line)?.[1];
    if (created !== undefined) arrays.push(arrayLine(created, arrays.length + 1));
    if (line.startsWith('mdadm --zero-superblock')) arrays.splice(0, 1);
    return '';
  };
  const disks = ['/dev/vda', '/dev/vdb'].map((device) => ({
    ...{ device, size_bytes: 100 * 1024 ** 3, model: '', serial: '', rotational: false, removable: false },
    ...{ discard_max_bytes: 0, write_zeroes_max_bytes: 0 },
  }));
  const machine = {
    disks: () => disks,
    inventory: () => ({ firmware: { mode: 'bios' } }),
    run,
    md: { run, root: '/nonexistent' },
    rereadPartitions: async () => {},
  } as unknown as Machine;
  return { ran, apply: (params: object) => applyRaid(params as never, { machine, log: new Log(() => {}) }, context) };
}

test('a creation that fails in part says which arrays are there', async () => {
  const { apply } = aMachine([], /^mdadm --create .*--name=data/);
  await assert.rejects(
    apply({ deletes: false, creates: [mirror, rest] }),
    /^Error: mdadm failed \(exit 1\): \/dev\/vdb2 is busy\. RAID on the disks now: root on \/dev\/vda1, \/dev\/vdb1$/,
  );
});

test('a deletion that fails in part says which arrays are left, or that none is', async () => {
  const two = aMachine([arrayLine('root', 1), arrayLine('data', 2)], /^mdadm --zero-superblock \/dev\/vdb1/);
  await assert.rejects(
    two.apply({ deletes: true, creates: [] }),
    /busy\. RAID on the disks now: data on \/dev\/vda2, \/dev\/vdb2$/,
  );
  const none = aMachine([arrayLine('root', 1)], /^wipefs --all --force --quiet/);
  await assert.rejects(none.apply({ deletes: true, creates: [] }), /is busy\. RAID on the disks now: none$/);
});

test('what cannot be made changes nothing, and says nothing of arrays', async () => {
  const { apply, ran } = aMachine([arrayLine('root', 1)], /^$/);
  await assert.rejects(apply({ deletes: true, creates: [{ ...mirror, raid_level: '6' }] }), (error: Error) => {
    assert.doesNotMatch(error.message, /on the disks now/);
    return true;
  });
  assert.deepEqual(ran, []);
});
