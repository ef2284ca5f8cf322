/** `qemu-img` as functions: what an image is, where its data lies, and copies of it. */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { Fault } from '#domain/faults.ts';
import { runTool } from './run-tool.ts';

const ImageInfo = Type.Object({
  'virtual-size': Type.Integer({ minimum: 0 }),
  format: Type.String(),
  'backing-filename': Type.Optional(Type.String()),
  'full-backing-filename': Type.Optional(Type.String()),
});
export type ImageInfo = Static<typeof ImageInfo>;

const ImageMap = Type.Array(
  Type.Object({ start: Type.Integer(), length: Type.Integer(), zero: Type.Boolean(), data: Type.Boolean() }),
);

/** A file of a stated format (never guessed: a guess would let a tenant's bytes choose), or a block device by options. */
export type ImageSpec = { path: string; format: string } | { options: string; secrets?: readonly Secret[] };

/** A password in a file, referred to by its id inside the options: it never stands in process arguments. */
export type Secret = { id: string; file: string };

export async function imageInfo(image: ImageSpec, signal?: AbortSignal): Promise<ImageInfo> {
  const args = ['info', '--output=json', ...secretArguments(image), ...sourceArguments(image)];
  return decode(ImageInfo, await runTool('qemu-img', args, { signal }));
}

/** Runs that may hold data, rising; everything else reads as zeros. */
export async function dataRuns(image: ImageSpec, signal?: AbortSignal): Promise<{ start: number; length: number }[]> {
  const map = decode(ImageMap, await runTool('qemu-img', ['map', '--output=json', ...sourceArguments(image)], { signal }));
  return map.filter(({ zero, data }) => data && !zero).map(({ start, length }) => ({ start, length }));
}

export type Conversion = {
  source: { path: string; format: string };
  /** A path makes a new raw file; options write into what exists. */
  target: string | { options: string; secrets?: readonly Secret[] };
  /**
   * `exact`: all of the source, zeros too, so that nothing former shows through. `exact-plain`: the same by plain
   * writes wherever the source has data. `data`: only allocated data; holes are left as they are on the target.
   */
  coverage?: 'exact' | 'exact-plain' | 'data';
  signal?: AbortSignal;
  /** 0 to 100. */
  onProgress?: (percent: number) => void;
};

const coverageTable = {
  exact: [],
  'exact-plain': ['-S', '0'],
  data: ['-S', '0', '--target-is-zero'],
} as const;

export async function convertImage({ source, target, coverage = 'exact', signal, onProgress }: Conversion): Promise<void> {
  // -W: writes may overtake each other, which the order on the target does not mind.
  const args = ['convert', '-p', '-W', '-f', source.format, ...coverageTable[coverage]];
  if (typeof target === 'string') args.push('-O', 'raw', source.path, target);
  // -t: ends only when the target says that the data is on its disk.
  else args.push('-n', '-t', 'writeback', ...secretArguments(target), '--target-image-opts', source.path, target.options);
  await runTool('qemu-img', args, {
    signal,
    onOutput: (text) => {
      const percent = [...text.matchAll(/\((\d+(?:\.\d+)?)\/100%\)/g)].at(-1)?.[1];
      if (percent !== undefined) onProgress?.(Number(percent));
    },
  });
}

function secretArguments(image: ImageSpec): string[] {
  const secrets = 'secrets' in image ? (image.secrets ?? []) : [];
  return secrets.flatMap(({ id, file }) => ['--object', `secret,id=${id},file=${optionValue(file)}`]);
}

function sourceArguments(image: ImageSpec): string[] {
  return 'options' in image ? ['--image-opts', image.options] : ['-f', image.format, image.path];
}

/** QEMU's option lists end a value at a comma; a doubled one stands for itself. */
export function optionValue(value: string): string {
  return value.replaceAll(',', ',,');
}

function decode<S extends TSchema>(schema: S, text: string): Static<S> {
  const value: unknown = JSON.parse(text);
  if (!Value.Check(schema, value)) throw new Fault('toolFailed', { tool: 'qemu-img', detail: 'its JSON has an unknown shape' });
  return value as Static<S>;
}
