import { resolve } from 'node:path';
import { Fault } from '#domain/faults.ts';
import { megabytes } from '../announce.ts';
import { type BuildCommand, runBuildCommand } from '../build-command.ts';
import { buildImages } from './build-images.ts';
import { type KernelName, kernelTable } from './contents.ts';

const help = `ingot image build [--out FOLDER] [--name NAME] [--kernel cloud|full] [--include PACKAGE,…] [--size GIB] [--mirror URL] [--refresh]

Builds a Debian 12 with cloud-init and sshd, and prints the paths of four files:

  NAME.qcow2            whole disk, boots on BIOS and UEFI; upload it with disk format qcow2
  NAME-partition.qcow2  one ext4 file system, for flavors and images of the classic kind
  NAME.vmlinuz          its kernel (disk and container format aki)
  NAME.initrd           its initrd (disk and container format ari)

  --out FOLDER   default .cache/images of the checkout
  --name NAME    default debian-12
  --kernel KIND  cloud: small, virtual machines only (default); full: real hardware
  --include …    more Debian packages
  --size GIB     default 2; disk and file system grow on the server's first boot
  --mirror URL   Debian mirror, or a file of APT sources; default Debian's own
  --refresh      build again with today's packages though nothing here has changed

Needs root, mmdebstrap, mke2fs and qemu-img (Debian packages mmdebstrap, e2fsprogs, qemu-utils).
`;

/** `args` begin after `image`. @returns the exit code: 0 done, 1 failed, 2 wrong usage */
export function runImageCommand(args: string[]): Promise<number> {
  const command = {
    name: 'image',
    help,
    options: { out: undefined, name: 'debian-12', kernel: 'cloud', include: '', size: '2', mirror: undefined },
    choices: { kernel: Object.keys(kernelTable) },
    build,
  };
  return runBuildCommand(command, args);
}

const build: BuildCommand['build'] = async ({ out, name, kernel, include, size, mirror }, how) => {
  const sizeGib = Number(size);
  if (!(sizeGib >= 1)) throw new Fault('badRequest', { detail: `--size must be a number of GiB of 1 or more, not '${size}'` });
  const { manifest } = await buildImages({
    name,
    sizeGib,
    mirror,
    out: out && resolve(out),
    kernel: kernel as KernelName,
    include: (include ?? '').split(',').filter(Boolean),
    ...how,
  });
  const files = Object.values(manifest.files);
  how.announce(files.map(({ bytes }) => megabytes(bytes)).join(', '));
  return files.map(({ file }) => file);
};
