import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { asFault } from '#domain/faults.ts';
import { announceTo, megabytes } from '../announce.ts';
import { buildRamdisk } from './build-ramdisk.ts';
import { type ProfileName, profileTable } from './profiles.ts';

const help = `ingot ramdisk build [--profile NAME] [--out FOLDER] [--refresh]

Builds the deploy kernel and ramdisk from Debian packages, without root or mounts. Prints the paths of both.

  --profile NAME  ${Object.entries(profileTable)
    .map(([name, { help }]) => `${name}: ${help}`)
    .join('\n                  ')}
  --out FOLDER    where kernel, ramdisk and manifest.json go (default .cache/ramdisk/<profile> of the checkout)
  --refresh       build again with today's packages though nothing here has changed

Needs apt-get, dpkg-deb, readelf, strip, depmod and zstd (Debian packages binutils, kmod, zstd).
`;

const flags = {
  profile: { type: 'string', default: 'lab' },
  out: { type: 'string' },
  refresh: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** `args` begin after `ramdisk`. @returns the exit code: 0 done, 1 failed, 2 wrong usage */
export async function runRamdiskCommand(args: string[]): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    process.stderr.write(`ingot ramdisk: ${(error as Error).message}\n\n${help}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help) return show(process.stdout, 0);
  if (positionals.join(' ') !== 'build' || !(values.profile in profileTable)) return show(process.stderr, 2);
  try {
    const announce = announceTo(process.stderr, 'ramdisk');
    const out = values.out && resolve(values.out);
    const built = await buildRamdisk({ profile: values.profile as ProfileName, out, refresh: values.refresh, announce });
    announce(`kernel ${megabytes(built.manifest.kernelBytes)}, ramdisk ${megabytes(built.manifest.ramdiskBytes)}`);
    process.stdout.write(`${built.kernel}\n${built.ramdisk}\n`);
    return 0;
  } catch (error) {
    const fault = asFault(error);
    process.stderr.write(`ingot ramdisk: ${fault.message}\n${fault.hint ? `${fault.hint}\n` : ''}`);
    return 1;
  }
}

function parse(args: string[]) {
  return parseArgs({ args, options: flags, allowPositionals: true, strict: true });
}

function show(stream: NodeJS.WritableStream, code: number): number {
  stream.write(help);
  return code;
}
