/** Linux software RAID by `mdadm` and `/sys`. The ramdisk has no udev: `mdadm` makes the device nodes itself. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Disk, RaidArray } from '../agent-protocol/messages.ts';
import { diskOf, levelTable } from '../agent-protocol/raid-plan.ts';
import { readMd } from './inventory.ts';
import type { RunProgram } from './run-program.ts';

/** `root`: the folder of `/sys`. */
export type MdParts = { readonly run: RunProgram; readonly root: string };

/** mdadm waits for nothing but the disks. */
const mdadmMs = 120_000;
/** Arrays of firmware and controllers are theirs. */
const ownMetadata = /^(?:0\.90|1\.\d)$/;
/** Recorded as the host of new arrays: they are local to whatever system starts them. */
const anyHost = 'any';

export function mdadm({ run }: Pick<MdParts, 'run'>, args: readonly string[], signal?: AbortSignal): Promise<string> {
  return run('mdadm', args, { timeoutMs: mdadmMs, ...(signal && { signal }) });
}

/** All arrays of whose members superblocks are found, running or not. Throws an Error. */
export async function examineArrays(parts: MdParts): Promise<RaidArray[]> {
  return parseScan(await mdadm(parts, ['--examine', '--scan', '--verbose']));
}

/** The same for the inventory: without `mdadm` none. */
export async function arraysIfAny(parts: MdParts): Promise<RaidArray[]> {
  return examineArrays(parts).catch(() => []);
}

/**
 * Of each array a line `ARRAY /dev/md/NAME level=raid1 metadata=1.2 num-devices=2 UUID=… name=HOST:NAME`, and a line
 * `devices=…` that is indented.
 */
export function parseScan(text: string): RaidArray[] {
  const entries = text
    .replaceAll(/\n\s+/g, ' ')
    .split('\n')
    .filter((line) => line.startsWith('ARRAY '));
  return entries.map(parseEntry).filter((array) => array !== undefined);
}

function parseEntry(line: string): RaidArray | undefined {
  const [, ...words] = line.split(/\s+/);
  const device = words.find((word) => word.startsWith('/')) ?? '';
  const fields = new Map(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]));
  // Those of version 0.90 do not say it, nor their name.
  if (fields.has('container') || !ownMetadata.test(fields.get('metadata') ?? '0.90')) return undefined;
  const md = fields.get('level')?.replace(/^raid/, '') ?? '';
  const name = fields.get('name') ?? device.replace(/^\/dev\/(?:md\/)?/, '');
  return {
    name: name.slice(name.lastIndexOf(':') + 1).slice(0, 64),
    uuid: (fields.get('UUID') ?? '').slice(0, 64),
    level: (Object.entries(levelTable).find(([, level]) => level.md === md)?.[0] ?? md).slice(0, 64),
    members_wanted: Number(fields.get('num-devices')) || 0,
    members: (fields.get('devices') ?? '').split(',').filter(Boolean).sort().slice(0, 256),
  };
}

/** A running array: `degraded` = how many members it lacks; `disk` as a disk to write to. */
export type RunningArray = { readonly disk: Disk; readonly uuid: string; readonly degraded: number; readonly members: string[] };

export async function runningArrays(parts: MdParts): Promise<RunningArray[]> {
  const names = runningNames(parts);
  return Promise.all(
    names.map(async (name) => {
      const detail = await mdadm(parts, ['--detail', '--export', `/dev/${name}`]);
      const folder = join(parts.root, 'sys/block', name);
      return {
        disk: readMd(parts.root, name),
        uuid: /^MD_UUID=(\S+)$/m.exec(detail)?.[1] ?? '',
        degraded: Number(readFileIfAny(join(folder, 'md/degraded'))) || 0,
        members: list(join(folder, 'slaves')).map((each) => `/dev/${each}`),
      };
    }),
  );
}

/** Kernel names; those that have been stopped may stay without members. */
function runningNames({ root }: Pick<MdParts, 'root'>): string[] {
  return list(join(root, 'sys/block')).filter((name) => {
    const state = readFileIfAny(join(root, 'sys/block', name, 'md/array_state'));
    return /^md/.test(name) && state !== '' && state !== 'clear';
  });
}

/** Throws an Error if one is in use. */
export async function stopArrays(parts: MdParts, signal?: AbortSignal): Promise<void> {
  for (const name of runningNames(parts)) await mdadm(parts, ['--stop', `/dev/${name}`], signal);
}

/** Starts an array, also with fewer members than it wants. @returns it; throws an Error */
export async function startArray(parts: MdParts, array: RaidArray, signal?: AbortSignal): Promise<RunningArray> {
  const find = async () => (await runningArrays(parts)).find(({ uuid }) => uuid === array.uuid);
  const running = await find();
  if (running) return running;
  await loadLevel(parts, array.level);
  await mdadm(parts, ['--assemble', freeName(parts), '--run', `--uuid=${array.uuid}`, ...array.members], signal);
  const started = await find();
  if (!started) throw new Error(`the RAID ${array.name} did not start`);
  return started;
}

export type NewArray = { name: string; level: string; metadata: string; members: readonly string[] };

/**
 * Returns when the array can be written; the kernel synchronizes its members meanwhile. What the members held before does not
 * show as file systems of the array. Throws an Error.
 */
export async function createArray(parts: MdParts, array: NewArray, signal?: AbortSignal): Promise<void> {
  const { name, level, metadata, members } = array;
  await loadLevel(parts, level);
  const device = freeName(parts);
  const args = ['--create', device, '--run', '--force', `--metadata=${metadata}`, `--level=${mdLevel(level)}`];
  const about = [`--name=${name}`, `--homehost=${anyHost}`, `--raid-devices=${members.length}`];
  await mdadm(parts, [...args, ...about, ...members], signal);
  await parts.run('wipefs', ['--all', '--quiet', device], signal && { signal });
}

function mdLevel(level: string): string {
  return levelTable[level]?.md ?? level;
}

async function loadLevel({ run }: MdParts, level: string): Promise<void> {
  await run('modprobe', ['-a', 'md_mod', levelTable[level]?.module ?? `raid${level}`]);
}

function freeName({ root }: MdParts): string {
  const taken = runningNames({ root });
  for (let number = 0; ; number++) if (!taken.includes(`md${number}`)) return `/dev/md${number}`;
}

/** A partition may have superblocks of several versions, of which `mdadm` removes one at a time. */
const mostSuperblocks = 4;

/** Until none is found. Throws an Error. */
export async function removeSuperblocks(parts: MdParts, signal?: AbortSignal): Promise<RaidArray[]> {
  const found = await examineArrays(parts);
  for (let left = found, tries = 0; left.length > 0; left = await examineArrays(parts), tries++) {
    if (tries === mostSuperblocks)
      throw new Error(`the superblocks of ${left.map(({ name }) => name).join(', ')} do not go away`);
    for (const member of left.flatMap(({ members }) => members)) await mdadm(parts, ['--zero-superblock', member], signal);
  }
  return found;
}

export function holdersOf(arrays: readonly Pick<RaidArray, 'members'>[]): string[] {
  return [...new Set(arrays.flatMap(({ members }) => members.map(diskOf)))];
}

function list(path: string): string[] {
  return existsSync(path) ? readdirSync(path).sort() : [];
}

function readFileIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
