/** `qemu-img` as functions, always confined: what an image is, whether it is whole, where its data lies, and copies of it. */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import { type Confinement, limitTable, runConfined } from './confined.ts';
import type { DiskSpace } from './disk-room.ts';
import { type DataRun, ImageMapReader } from './image-map.ts';

const ImageInfo = Type.Object({
  'virtual-size': Type.Integer({ minimum: 0 }),
  /** As the program was told to call it. */
  filename: Type.String(),
  format: Type.String(),
  encrypted: Type.Optional(Type.Boolean()),
  'backing-filename': Type.Optional(Type.String()),
  'full-backing-filename': Type.Optional(Type.String()),
  'format-specific': Type.Optional(Type.Object({ type: Type.String(), data: Type.Record(Type.String(), Type.Unknown()) })),
});
export type ImageInfo = Static<typeof ImageInfo>;

/** A file of a stated format: never guessed, since a guess would let a tenant's bytes choose. */
export type ImageFile = { path: string; format: string };

/** A disk that QEMU reaches by options of its own; the password in a file never stands in process arguments. */
export type RemoteDisk = { options: string; secret: { id: string; file: string } };

export type HowToRun = { confinement?: Confinement | undefined; signal?: AbortSignal | undefined };

export async function imageInfo({ path, format }: ImageFile, { confinement, signal }: HowToRun = {}): Promise<ImageInfo> {
  const files = { image: { path } };
  const args = (at: { image: string }) => ['info', '--output=json', '-f', format, at.image];
  return decode(ImageInfo, await runConfined('qemu-img', { files, args, limits: limitTable.look, signal }, confinement));
}

/** Bytes. */
export async function remoteDiskSize(disk: RemoteDisk, { confinement, signal }: HowToRun = {}): Promise<number> {
  const files = { secret: { path: disk.secret.file } };
  const args = (at: { secret: string }) => ['info', '--output=json', ...secretArguments(disk, at), '--image-opts', disk.options];
  const run = { files, args, limits: limitTable.look, network: true, signal };
  return decode(ImageInfo, await runConfined('qemu-img', run, confinement))['virtual-size'];
}

/** qemu-img(1): 3 tells of leaked clusters, which lose nothing; 63 that the format has no check. */
const harmlessChecks: readonly unknown[] = [3, 63];

/** Throws `toolFailed` where the image is damaged, cut off for example. */
export async function checkImageFile({ path, format }: ImageFile, { confinement, signal }: HowToRun = {}): Promise<void> {
  const files = { image: { path } };
  const args = (at: { image: string }) => ['check', '-q', '-f', format, at.image];
  try {
    await runConfined('qemu-img', { files, args, limits: limitTable.check, signal }, confinement);
  } catch (error) {
    if (!(error instanceof Fault && harmlessChecks.includes(error.fields['status']))) throw error;
  }
}

/** Runs that may hold data, rising, 100,000 at most; everything else reads as zeros. */
export async function dataRuns({ path, format }: ImageFile, { confinement, signal }: HowToRun = {}): Promise<DataRun[]> {
  const files = { image: { path } };
  const args = (at: { image: string }) => ['map', '--output=json', '-f', format, at.image];
  const map = new ImageMapReader();
  // A map has as many lines as the image has holes, and a tenant made the image: it is read while it comes.
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
  /** An empty file that becomes a raw one. */
  target: string;
  /** What the image says of itself: the file grows no further. */
  virtualSize: number;
  space?: DiskSpace | undefined;
};

// -W: writes may overtake each other, which the order on the target does not mind.
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
 * `exact`: all of the source, zeros too, so that nothing former shows through. `exact-plain`: the same by plain
 * writes wherever the source has data. `data`: only allocated data; holes are left as they are on the target.
 */
export type Coverage = keyof typeof coverageTable;

const coverageTable = {
  exact: [],
  'exact-plain': ['-S', '0'],
  data: ['-S', '0', '--target-is-zero'],
} as const;

/** `path`: a raw file, since this run can reach the network. */
export type DiskCopy = Progress & { path: string; disk: RemoteDisk; coverage: Coverage };

export async function copyToDisk({ path, disk, coverage, ...how }: DiskCopy): Promise<void> {
  const run = {
    files: { source: { path }, secret: { path: disk.secret.file } },
    // -t: ends only when the target says that the data is on its disk.
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

/** QEMU's option lists end a value at a comma; a doubled one stands for itself. */
export function optionValue(value: string): string {
  return value.replaceAll(',', ',,');
}

function decode<S extends TSchema>(schema: S, text: string): Static<S> {
  const value = parseJson(text);
  if (!Value.Check(schema, value)) throw new Fault('toolFailed', { tool: 'qemu-img', detail: 'its JSON has an unknown shape' });
  return value as Static<S>;
}

/** @returns undefined where it is none: the end alone of a report that was too long, for example */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
