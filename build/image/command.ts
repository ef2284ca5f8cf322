import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { asFault } from '#domain/faults.ts';
import { announceTo, megabytes } from '../announce.ts';
import { buildImages } from './build-images.ts';
import { type KernelName, kernelTable } from './contents.ts';

const help = `ingot image build [--out FOLDER] [--name NAME] [--kernel cloud|full] [--include PACKAGE,…] [--size GIB] [--mirror URL] [--refresh]

Builds a Debian 12 with cloud-init and sshd, and prints the paths of four files:

  NAME.qcow2            whole disk, boots on BIOS; upload it with disk format qcow2
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

const flags = {
  out: { type: 'string' },
  name: { type: 'string', default: 'debian-12' },
  kernel: { type: 'string', default: 'cloud' },
  include: { type: 'string', default: '' },
  size: { type: 'string', default: '2' },
  mirror: { type: 'string' },
  refresh: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** `args` begin after `image`. @returns the exit code: 0 done, 1 failed, 2 wrong usage */
export async function runImageCommand(args: string[]): Promise<number> {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    process.stderr.write(`ingot image: ${(error as Error).message}\n\n${help}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help) return show(process.stdout, 0);
  const sizeGib = Number(values.size);
  if (positionals.join(' ') !== 'build' || !(values.kernel in kernelTable) || !(sizeGib >= 1)) return show(process.stderr, 2);
  try {
    const announce = announceTo(process.stderr, 'image');
    const { name, mirror, refresh } = values;
    const include = values.include.split(',').filter(Boolean);
    const out = values.out && resolve(values.out);
    const { manifest } = await buildImages({
      out,
      name,
      kernel: values.kernel as KernelName,
      include,
      sizeGib,
      mirror,
      refresh,
      announce,
    });
    const files = Object.values(manifest.files);
    announce(files.map(({ bytes }) => megabytes(bytes)).join(', '));
    process.stdout.write(files.map(({ file }) => `${file}\n`).join(''));
    return 0;
  } catch (error) {
    const fault = asFault(error);
    process.stderr.write(`ingot image: ${fault.message}\n${fault.hint ? `${fault.hint}\n` : ''}`);
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
