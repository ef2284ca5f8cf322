/** Invariants after a run, regardless of how often Ingot was killed. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type FileHandle, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Store } from '#store/store.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { CrashFixture } from './crash-fixture.ts';
import { stepsKilledAround } from './crash-moments.ts';

const run = promisify(execFile);
const sector = 512;

export type Partition = { start: number; size: number; type: string; label: string; uuid: string };

/** The partitions of a disk with the output of blkid for each; starts and sizes in bytes. */
export async function readPartitions(disk: string): Promise<Partition[]> {
  const { stdout } = await run('sfdisk', ['--json', disk]);
  const { partitions = [] } = (JSON.parse(stdout) as { partitiontable: { partitions?: { start: number; size: number }[] } })
    .partitiontable;
  const found: Partition[] = [];
  for (const { start, size } of partitions) found.push(await probe(disk, { start: start * sector, size: size * sector }));
  return found;
}

async function probe(disk: string, place: { start: number; size: number }): Promise<Partition> {
  const { stdout } = await run('blkid', ['-p', '-o', 'export', '-O', `${place.start}`, '-S', `${place.size}`, disk]).catch(
    () => ({ stdout: '' }),
  );
  const field = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
  return { ...place, type: field('TYPE'), label: field('LABEL'), uuid: field('UUID') };
}

/** cloud-init would accept the config drive on the disk, and it is this server's. */
export async function expectConfigDrive(disk: string, server: { id: string; hostname: string }, folder: string): Promise<void> {
  const drives = (await readPartitions(disk)).filter(({ label }) => label === 'config-2');
  assert.equal(drives.length, 1, 'one config drive');
  const { start, size } = drives[0]!;
  const copy = join(folder, 'config-drive.iso');
  await run('dd', [
    `if=${disk}`,
    `of=${copy}`,
    'bs=1M',
    'iflag=skip_bytes,count_bytes',
    `skip=${start}`,
    `count=${size}`,
    'conv=sparse',
  ]);
  const { stdout } = await run('isoinfo', ['-J', '-x', '/openstack/latest/meta_data.json', '-i', copy]);
  await rm(copy);
  const metadata = JSON.parse(stdout) as { uuid: string; hostname: string };
  assert.deepEqual([metadata.uuid, metadata.hostname.split('.')[0]], [server.id, server.hostname]);
}

/** Everything left in the TFTP root, and the boot plans. */
export async function bootFiles({ stateDir }: Pick<CrashFixture, 'stateDir'>): Promise<{ files: string[]; plans: string[] }> {
  const root = join(stateDir, 'boot', 'tftp');
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  return { files: files.sort(), plans: await readdir(join(stateDir, 'boot', 'plans')) };
}

/** Samples spread over the whole disk, and both ends, read as zeros. */
export async function expectUnreadable(disk: string): Promise<void> {
  const file = await open(disk, 'r');
  try {
    const { size } = await file.stat();
    const places = Array.from({ length: 512 }, (_, index) => Math.floor((index * (size - sampleBytes)) / 511));
    for (const place of places) assert.ok(await isZero(file, place), `the disk has data at ${place}`);
  } finally {
    await file.close();
  }
  // Checks the whole disk, if the file system supports it: only holes and zeros.
  const { stdout } = await run('cmp', ['-n', String(1024 ** 3), disk, '/dev/zero']).catch(({ stdout }) => ({ stdout }));
  assert.equal(stdout, '', 'the first GiB reads as zeros');
}

const sampleBytes = 64 * 1024;
const zeros = Buffer.alloc(sampleBytes);

async function isZero(file: FileHandle, position: number): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(sampleBytes), 0, sampleBytes, position);
  return buffer.subarray(0, bytesRead).equals(zeros.subarray(0, bytesRead));
}

/** Ingot was killed before and after every step of `way`, according to the record of steps run. */
export async function expectKilledEverywhere(
  fixture: CrashFixture,
  store: Store,
  { kind, rolling_back = false }: { kind: Operation['kind']; rolling_back?: boolean },
): Promise<void> {
  const operations = await store.operations.list({ kind });
  const ended = new Set<string>();
  for (const { id, node_uuid } of operations) {
    const events = (await store.events.list({ node_uuid, limit: 100_000 })).filter(({ operation_id }) => operation_id === id);
    const own = events.filter((event) => event.kind === 'step' && event.data['rolling_back'] === rolling_back);
    for (const { subject, data } of own) if (data['status'] === 'ended') ended.add(subject);
  }
  assert.ok(ended.size > 2, `${kind} has steps`);
  const killed = stepsKilledAround(fixture.ingot.moments, rolling_back ? `undo of ${kind}` : kind);
  assert.deepEqual([...killed].sort(), [...ended].sort(), `steps of ${kind}: killed around = ended by the record`);
}

/** Every operation has ended, exactly once, and none is half written. */
export async function expectOperations(
  store: Store,
  wanted: Partial<Record<Operation['kind'], Operation['state'][]>>,
): Promise<void> {
  const all = await store.operations.list({}, { orderBy: 'created_at' });
  const seen: Partial<Record<Operation['kind'], Operation['state'][]>> = {};
  for (const operation of all) {
    const states = seen[operation.kind] ?? [];
    states.push(operation.state);
    seen[operation.kind] = states;
    assert.ok(operation.ended_at, `${operation.purpose} has ended`);
    assert.deepEqual([operation.waiting_for, operation.deadline_at], [null, null], `${operation.purpose} waits for nothing`);
    if (operation.state === 'done') assert.equal(operation.fault, null);
  }
  assert.deepEqual(seen, wanted);
  assert.deepEqual((await store.nodes.list()).map(({ operation_id }) => operation_id).filter(Boolean), []);
}

/** Ingot is stopped: no process is left except the rack, no partial file, no password. */
export async function expectNothingLeft(fixture: CrashFixture): Promise<void> {
  const commands = await Promise.all(
    fixture.network
      .processes()
      .map(async (pid) => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0').join(' ')),
  );
  const remaining = commands.filter((command) => command !== '' && !command.includes('simulated-process.ts'));
  assert.deepEqual(remaining, []);
  const files = await readdir(fixture.stateDir, { recursive: true });
  assert.deepEqual(
    files.filter((file) => /\.part$|chap-password|\/piece$|\/ephemeral$/.test(file)),
    [],
  );
}
