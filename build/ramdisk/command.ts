import { resolve } from 'node:path';
import { megabytes } from '../announce.ts';
import { type BuildCommand, runBuildCommand } from '../build-command.ts';
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

/** `args` begin after `ramdisk`. @returns the exit code: 0 done, 1 failed, 2 wrong usage */
export function runRamdiskCommand(args: string[]): Promise<number> {
  const command = {
    name: 'ramdisk',
    help,
    options: { profile: 'lab', out: undefined },
    choices: { profile: Object.keys(profileTable) },
    build,
  };
  return runBuildCommand(command, args);
}

const build: BuildCommand['build'] = async ({ profile, out }, how) => {
  const { kernel, ramdisk, manifest } = await buildRamdisk({ profile: profile as ProfileName, out: out && resolve(out), ...how });
  how.announce(`kernel ${megabytes(manifest.kernelBytes)}, ramdisk ${megabytes(manifest.ramdiskBytes)}`);
  return [kernel, ramdisk];
};
