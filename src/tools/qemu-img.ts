/** `qemu-img` as functions, always confined: image info, integrity checks, data ranges, and copies. */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import { type Confinement, limitTable, runConfined } from './confined.ts';
import type { DiskSpace } from './disk-room.ts';
import { type DataRun, ImageMapReader } from './image-map.ts';

const ImageInfo = Type.Object({
  'virtual-size': Type.Integer({ minimum: 0 }),
  /** The file name passed to the program. */
  filename: Type.String(),
  format: Type.String(),
  encrypted: Type.Optional(Type.Boolean()),
  'backing-filename': Type.Optional(Type.String()),
  'full-backing-filename': Type.Optional(Type.String()),
  'format-specific': Type.Optional(Type.Object({ type: Type.String(), data: Type.Record(Type.String(), Type.Unknown()) })),
});
export type ImageInfo = Static<typeof ImageInfo>;

/** A file of a stated format: never detected, since a tenant's bytes would then choose the format. */
export type ImageFile = { path: string; format: string };

/** A disk that QEMU reaches with its own options; the password is in a file, never in process arguments. */
export type RemoteDisk = { options: string; secret: { id: string; file: string } };

export type HowToRun = { confinement?: Confinement | undefined; signal?: AbortSignal | undefined };

export async function imageInfo({ path, format }: ImageFile, { confinement, signal }: HowToRun = {}): Promise<ImageInfo> {
  const files = { image: { path } };
  const args = (at: { image: string }) => ['info', '--output=json', '-f', format, at.image];
  return decode(ImageInfo, await runConfined('qemu-img', { files, args, limits: limitTable.inspect, signal }, confinement));
}

/** Bytes. */
export async function remoteDiskSize(disk: RemoteDisk, { confinement, signal }: HowToRun = {}): Promise<number> {
  const files = { secret: { path: disk.secret.file } };
  const args = (at: { secret: string }) => ['info', '--output=json', ...secretArguments(disk, at), '--image-opts', disk.options];
  const run = { files, args, limits: limitTable.inspect, network: true, signal };
  return decode(ImageInfo, await runConfined('qemu-img', run, confinement))['virtual-size'];
}

/** qemu-img(1): 3 reports leaked clusters, which lose no data; 63 means that the format has no check. */
const harmlessChecks: readonly unknown[] = [3, 63];

/** Throws `toolFailed` if the image is damaged, for example truncated. */
export async function checkImageFile({ path, format }: ImageFile, { confinement, signal }: HowToRun = {}): Promise<void> {
  const files = { image: { path } };
  const args = (at: { image: string }) => ['check', '-q', '-f', format, at.image];
  try {
    await runConfined('qemu-img', { files, args, limits: limitTable.check, signal }, confinement);
  } catch (error) {
    if (!(error instanceof Fault && harmlessChecks.includes(error.fields['status']))) throw error;
  }
}

/** Ranges that may hold data, ascending, at most 100,000; everything else reads as zeros. */
export async function dataRuns({ path, format }: ImageFile, { confinement, signal }: HowToRun = {}): Promise<DataRun[]> {
  const files = { image: { path } };
  const args = (at: { image: string }) => ['map', '--output=json', '-f', format, at.image];
  const map = new ImageMapReader();
  // A map has as many lines as the image has holes, and is a tenant's choice: it is parsed as a stream.
  const run = { files, args, limits: limitTable.check, signal, outputMax: 0, onOutput: (text: string) => map.read(text) };
  await runConfined('qemu-img', run, confinement);
  return map.finish();
}

type Progress = HowToRun & {
  /** 0 to 100. */
  onProgress?: ((percent: number) => void) | undefined;
};

export type Conversion = Progress & {
  source: ImageFile;
  /** An empty file to be filled with the raw image. */
  target: string;
  /** The virtual size from the image's header: the limit of the file. */
  virtualSize: number;
  space?: DiskSpace | undefined;
};

// -W: out-of-order writes, since the order does not matter to the target.
const convertArguments = ['convert', '-p', '-W', '-f'];

export async function convertImage({ source, target, virtualSize, space, ...how }: Conversion): Promise<void> {
  const run = {
    files: { source: { path: source.path }, target: { path: target, writable: true } },
    args: (at: { source: string; target: string }) => [...convertArguments, source.format, '-O', 'raw', at.source, at.target],
    limits: limitTable.write,
    fileBytes: Math.ceil(virtualSize / sectorBytes) * sectorBytes,
    space,
    signal: how.signal,
    onOutput: readPercent(how.onProgress),
  };
  await runConfined('qemu-img', run, how.confinement);
}

const sectorBytes = 512;

/**
 * `exact`: the whole source including zeros, so that no previous data remains. `exact-plain`: the same, with plain
 * writes wherever the source has data. `data`: only allocated data; holes leave the target unchanged.
 */
export type Coverage = keyof typeof coverageTable;

const coverageTable = {
  exact: [],
  'exact-plain': ['-S', '0'],
  data: ['-S', '0', '--target-is-zero'],
} as const;

/** `path`: a raw file, since this run has network access. */
export type DiskCopy = Progress & { path: string; disk: RemoteDisk; coverage: Coverage };

export async function copyToDisk({ path, disk, coverage, ...how }: DiskCopy): Promise<void> {
  const run = {
    files: { source: { path }, secret: { path: disk.secret.file } },
    // -t: exits only when the target has confirmed that the data is on its disk.
    args: (at: { source: string; secret: string }) => [
      ...convertArguments,
      'raw',
      ...coverageTable[coverage],
      ...['-n', '-t', 'writeback', ...secretArguments(disk, at), '--target-image-opts', at.source, disk.options],
    ],
    limits: limitTable.write,
    network: true,
    signal: how.signal,
    onOutput: readPercent(how.onProgress),
  };
  await runConfined('qemu-img', run, how.confinement);
}

function readPercent(onProgress: Progress['onProgress']): (text: string) => void {
  return (text) => {
    const percent = [...text.matchAll(/\((\d+(?:\.\d+)?)\/100%\)/g)].at(-1)?.[1];
    if (percent !== undefined) onProgress?.(Number(percent));
  };
}

function secretArguments({ secret }: RemoteDisk, at: { secret: string }): string[] {
  return ['--object', `secret,id=${secret.id},file=${optionValue(at.secret)}`];
}

/** A comma ends a value in QEMU's option lists; a doubled comma is a literal one. */
export function optionValue(value: string): string {
  return value.replaceAll(',', ',,');
}

function decode<S extends TSchema>(schema: S, text: string): Static<S> {
  const value = parseJson(text);
  if (!Value.Check(schema, value)) throw new Fault('toolFailed', { tool: 'qemu-img', detail: 'its JSON has an unknown shape' });
  return value as Static<S>;
}

/** @returns undefined if it is not JSON: only the end of a report that was too long, for example */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
