/**
 * Images that refer to another file. qemu-img reads whatever the check accepts without any confinement, and the output
 * must contain nothing of that other file: the check must suffice alone, as the confinement must.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '#domain/faults.ts';
import { checkDiskFormat, type DiskFormat, driverOf } from '#images/disk-formats.ts';
import { inspectImage } from '#images/inspect-image.ts';
import { aQcow2, aVmdk, aVmdkOfAnotherFile } from '#test/attack-images.ts';
import { convertImage } from '#tools/qemu-img.ts';
import { pick, type Roll } from './dice.ts';
import { mutateBytes } from './mutations.ts';
import { reasonOf, type Target } from './target.ts';

const mark = 'what-only-the-host-may-read';
/** A placeholder in inputs, so that they are the same in every folder. Lengths in a qcow2 depend on it. */
const placeholder = '/@other-file@'.padEnd(64, '@');

const types = ['monolithicFlat', 'monolithicSparse', 'streamOptimized', 'twoGbMaxExtentFlat', 'vmfs', 'fullDevice', 'custom'];
const extents = ['FLAT', 'SPARSE', 'VMFS', 'VMFSSPARSE', 'ZERO', 'SESPARSE'];
const frames = ['# ', ' ', '\t', 'x', '\0', '\r', '"'];

function descriptorOf(roll: Roll): string[] {
  const line = () =>
    pick(
      [
        () => `createType="${pick(types, roll)}"`,
        () => `${pick(frames, roll)}createType="${pick(types, roll)}"`,
        () => `${pick(['RW', 'RDONLY', 'NOACCESS'], roll)} ${1 + roll(3)} ${pick(extents, roll)} "${placeholder}" ${roll(2)}`,
        () => `parentFileNameHint="${placeholder}"`,
        () => `parentCID=${pick(['ffffffff', '0', 'fffffffe'], roll)}`,
      ],
      roll,
    )();
  return Array.from({ length: 1 + roll(6) }, line);
}

const bases: readonly ((roll: Roll) => Buffer)[] = [
  () => aVmdkOfAnotherFile(placeholder),
  (roll) => aVmdk({ descriptor: descriptorOf(roll), capacity: BigInt(pick([0, 0, 1, 128], roll)) }),
  () => aQcow2(1024n, { backing: placeholder }),
  () => aQcow2(1024n, { dataFile: placeholder }),
  () => aQcow2(1024n, { backing: placeholder, dataFile: placeholder }),
];

/** Offsets of headers and names; mutations elsewhere would rarely have an effect. */
const headBytes = 1200;

function makeImage(roll: Roll): Buffer {
  const image = pick(bases, roll)(roll);
  if (roll(2) === 0) return image;
  return Buffer.concat([mutateBytes(image.subarray(0, headBytes), roll), image.subarray(headBytes)]);
}

const isFault = (error: Error) => error instanceof Fault && error.code === 'invalidImageData';

export const imageReferenceTarget: Target = {
  name: 'images that name another file',
  // Each input costs some processes.
  share: 0.02,
  slowMs: 1000,
  open() {
    const folder = mkdtempSync(join(tmpdir(), 'ingot-fuzz-'));
    const other = `${folder}/`.padEnd(placeholder.length, 'x');
    writeFileSync(other, mark.padEnd(1024, '.'));
    return {
      make: makeImage,
      close: () => rm(folder, { recursive: true, force: true }),
      async feed(input) {
        const path = join(folder, 'image');
        const named = Buffer.from(input.toString('latin1').replaceAll(placeholder, other), 'latin1');
        await writeFile(path, named);
        const format: DiskFormat = named.toString('latin1', 0, 4) === 'KDMV' ? 'vmdk' : 'qcow2';
        try {
          await readAccepted(path, format, join(folder, 'raw'));
          return { read: true };
        } catch (error) {
          return { read: false, reason: reasonOf(error, isFault) };
        }
      },
    };
  },
};

/** Throws `invalidImageData` when the image is rejected, another error when the check was bypassed. */
async function readAccepted(path: string, format: DiskFormat, target: string): Promise<void> {
  await checkDiskFormat(path, format);
  const virtualSize = await inspectImage(path, format, { maxBytes: 2 ** 24, confinement: 'none' });
  await writeFile(target, '');
  const source = { path, format: driverOf(format) };
  // An image that fails to convert must not reveal anything either.
  await convertImage({ source, target, virtualSize, confinement: 'none' }).catch(() => undefined);
  if ((await readFile(target, 'latin1')).includes(mark)) throw new Error('the image was accepted and holds the other file');
}
