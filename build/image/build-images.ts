import { randomUUID } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { moveIntoPlace, writeAtomically } from '#files/write-atomically.ts';
import type { Announce } from '../announce.ts';
import { cacheFolder, inputKey, readManifest } from '../cache.ts';
import { oneBuildAtATime } from '../one-build.ts';
import { runCommand } from '../run-command.ts';
import { rootPartitionOffset, writeBootLoaders } from './boot-sector.ts';
import { grubConfig, type KernelName, kernelTable, overlayFiles, packages, pathRules, rootLabel, suite } from './contents.ts';

export type ImageOptions = {
  /** Default `.cache/images`. */
  out?: string;
  /** Base name of the files; default `debian-12`. */
  name?: string;
  /** Default `cloud`, for virtual machines; `full` for real hardware. */
  kernel?: KernelName;
  /** Additional Debian packages to install. */
  include?: readonly string[];
  /** Size of the whole disk and of the file system in GiB; they grow at the first boot. Default 2. */
  sizeGib?: number;
  /** Default Debian's own. */
  mirror?: string;
  /** Rebuild even if no input has changed. */
  refresh?: boolean;
  announce?: Announce;
  signal?: AbortSignal;
};

export type ImageManifest = {
  key: string;
  built: string;
  kernelRelease: string;
  /** Id of the file system in the partition image. */
  rootUuid: string;
  files: Record<keyof ImageFiles, { file: string; bytes: number }>;
};

type ImageFiles = { wholeDisk: string; partition: string; kernel: string; initrd: string };
export type Images = ImageFiles & { manifest: ImageManifest };

/**
 * Builds Debian 12 as a whole-disk image for BIOS and UEFI, and as a partition image with kernel and initrd. Needs
 * root.
 */
export function buildImages(options: ImageOptions = {}): Promise<Images> {
  const out = options.out ?? join(cacheFolder, 'images');
  return oneBuildAtATime(out, () => buildInto(out, options), options);
}

async function buildInto(out: string, options: ImageOptions): Promise<Images> {
  const { name = 'debian-12', kernel = 'cloud', include = [], sizeGib = 2, refresh = false } = options;
  const file = (suffix: string) => join(out, `${name}${suffix}`);
  const files: ImageFiles = {
    wholeDisk: file('.qcow2'),
    partition: file('-partition.qcow2'),
    kernel: file('.vmlinuz'),
    initrd: file('.initrd'),
  };
  const key = inputKey([kernel, include, sizeGib, options.mirror], [import.meta.dirname]);
  const former = readManifest<ImageManifest>(file('.json'), key);
  if (former && !refresh && sizesFit(files, former)) return { ...files, manifest: former };

  const work = mkdtempSync(join(tmpdir(), 'ingot-image-'));
  try {
    const plan = { ...options, kernel, include, sizeGib, work };
    const { kernelRelease, rootUuid } = await build(plan, files);
    const manifest: ImageManifest = { key, built: new Date().toISOString(), kernelRelease, rootUuid, files: describe(files) };
    await writeAtomically(file('.json'), JSON.stringify(manifest, null, 2), { mode: 0o644 });
    return { ...files, manifest };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

type Plan = ImageOptions & { kernel: KernelName; include: readonly string[]; sizeGib: number; work: string };

async function build(plan: Plan, files: ImageFiles): Promise<{ kernelRelease: string; rootUuid: string }> {
  const { announce = () => {}, work } = plan;
  const tree = join(work, 'tree');
  announce(`installing Debian ${suite} (mmdebstrap)`);
  await installDebian(plan, tree);
  const kernelRelease = (readdirSync(join(tree, 'boot')).find((each) => each.startsWith('vmlinuz-')) as string).slice(
    'vmlinuz-'.length,
  );

  announce('making the whole-disk image');
  const diskUuid = randomUUID();
  mkdirSync(join(tree, 'boot/grub'), { recursive: true });
  writeFileSync(join(tree, 'boot/grub/grub.cfg'), grubConfig(diskUuid));
  const disk = { file: join(work, 'disk.raw'), size: plan.sizeGib * 1024 ** 3, rootUuid: diskUuid };
  await makeFileSystem(tree, { ...disk, offset: rootPartitionOffset }, plan.signal);
  await writeBootLoaders(disk, plan.signal);
  await compress(disk.file, files.wholeDisk, plan.signal);

  announce('making the partition image');
  rmSync(join(tree, 'boot/grub'), { recursive: true });
  const part = { file: join(work, 'partition.raw'), size: plan.sizeGib * 1024 ** 3, rootUuid: randomUUID() };
  await makeFileSystem(tree, { ...part, offset: 0 }, plan.signal);
  await compress(part.file, files.partition, plan.signal);
  copyFileSync(join(tree, `boot/vmlinuz-${kernelRelease}`), files.kernel);
  copyFileSync(join(tree, `boot/initrd.img-${kernelRelease}`), files.initrd);
  return { kernelRelease, rootUuid: part.rootUuid };
}

async function installDebian(plan: Plan, tree: string): Promise<void> {
  const overlay = join(plan.work, 'overlay');
  layOverlay(overlay, plan.kernel);
  const include = [...packages, kernelTable[plan.kernel].package, ...plan.include];
  const args = [
    '--quiet',
    '--mode=root',
    '--variant=minbase',
    `--include=${include.join(',')}`,
    ...pathRules.map((rule) => `--dpkgopt=${rule}`),
    `--essential-hook=cp -a ${overlay}/. "$1"`,
    '--customize-hook=chroot "$1" systemctl -q enable systemd-networkd.service',
    '--customize-hook=chroot "$1" systemctl -q disable systemd-timesyncd.service',
    // Each machine generates its own; host name and name servers do not belong in the image.
    '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_* "$1"/initrd.img.old "$1"/vmlinuz.old',
    '--customize-hook=: >"$1/etc/machine-id"; echo localhost >"$1/etc/hostname"',
    '--customize-hook=ln -sf ../run/systemd/resolve/stub-resolv.conf "$1/etc/resolv.conf"',
    suite,
    tree,
    ...(plan.mirror ? [plan.mirror] : []),
  ];
  await runCommand('mmdebstrap', args, { signal: plan.signal });
}

function layOverlay(overlay: string, kernel: KernelName): void {
  for (const [path, content] of Object.entries(overlayFiles(kernel))) {
    mkdirSync(dirname(join(overlay, path)), { recursive: true });
    if (content.startsWith('-> ')) symlinkSync(content.slice('-> '.length), join(overlay, path));
    else writeFileSync(join(overlay, path), content);
  }
}

type FileSystem = { file: string; offset: number; size: number; rootUuid: string };

/**
 * The inode tables are written now, as they are holes anyway; otherwise the kernel writes them during the first boots.
 */
async function makeFileSystem(tree: string, target: FileSystem, signal?: AbortSignal): Promise<void> {
  writeFileSync(target.file, '');
  truncateSync(target.file, target.size);
  const extended = `offset=${target.offset},lazy_itable_init=0,lazy_journal_init=0`;
  // GRUB and the kernel of Debian 12 support neither of the two features that newer mke2fs enables.
  const args = ['-q', '-F', '-t', 'ext4', '-O', '^metadata_csum_seed,^orphan_file', '-E', extended, '-d', tree];
  const kibibytes = (target.size - target.offset) / 1024;
  await runCommand('mke2fs', [...args, '-U', target.rootUuid, '-L', rootLabel, target.file, `${kibibytes}k`], { signal });
}

async function compress(raw: string, qcow2: string, signal?: AbortSignal): Promise<void> {
  const fresh = `${qcow2}.new`;
  await runCommand('qemu-img', ['convert', '-c', '-W', '-m', '4', '-O', 'qcow2', '-o', 'compression_type=zstd', raw, fresh], {
    signal,
  });
  await moveIntoPlace(fresh, qcow2);
  rmSync(raw);
}

function describe(files: ImageFiles): ImageManifest['files'] {
  const each = Object.entries(files).map(([name, file]) => [name, { file, bytes: statSync(file).size }]);
  return Object.fromEntries(each) as ImageManifest['files'];
}

function sizesFit(files: ImageFiles, manifest: ImageManifest): boolean {
  return Object.entries(files).every(([name, file]) => {
    const wanted = manifest.files[name as keyof ImageFiles];
    return wanted?.file === file && statSync(file, { throwIfNoEntry: false })?.size === wanted.bytes;
  });
}
