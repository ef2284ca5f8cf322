/**
 * Kernel and ramdisk with Ironic's own agent from Debian sid, as a site may have them: the agent as its authors and
 * Debian made it, with a small init. Created once and cached. Needs root.
 */
import { chmodSync, copyFileSync, createWriteStream, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { inputKey, readManifest } from '#build/cache.ts';
import { cpioArchive, folderEntries } from '#build/ramdisk/cpio.ts';
import { runCommand } from '#build/run-command.ts';
import { type HostSettings, readHostSettings } from '../../check/nightly/host-settings.ts';

const suite = 'sid';
/** The agent, and the programs that it runs on a machine with virtual disks. */
const packages = [
  ...['ironic-python-agent', 'linux-image-cloud-amd64', 'busybox-static', 'udev', 'kmod', 'iproute2', 'psmisc'],
  ...['qemu-utils', 'gdisk', 'parted', 'hdparm', 'dmidecode', 'lshw', 'pciutils', 'efibootmgr', 'e2fsprogs', 'dosfstools'],
];
const libraries = 'usr/lib/x86_64-linux-gnu';
/** What the dependencies bring and the agent does not use here: a ramdisk lies in memory. */
const unused = [
  ...['boot', 'var/lib/apt', 'var/cache', 'usr/lib/git-core', 'usr/lib/grub', 'usr/lib/guestfs'],
  ...['doc', 'man', 'locale', 'qemu', 'perl', 'i18n', 'ieee-data', 'zoneinfo', 'info'].map((name) => `usr/share/${name}`),
  ...['perl', 'dri', 'ceph', 'gconv'].map((name) => join(libraries, name)),
];
const unusedFiles = /^(?:libLLVM|libgallium|libz3|libcapstone)/;
const unusedPrograms = /^(?:qemu-system|stress-ng|git)/;
const maxWaitMs = 1_200_000;

export type IpaRamdisk = { kernel: string; ramdisk: string };
type Manifest = { key: string };

/** Throws when the mirror is unreachable. */
export async function ensureIpaRamdisk(folder: string, signal: AbortSignal): Promise<IpaRamdisk> {
  const files = { kernel: join(folder, 'kernel'), ramdisk: join(folder, 'ramdisk') };
  const manifest = join(folder, 'manifest.json');
  const scripts = ['init.sh', 'udhcpc.sh'].map((name) => join(import.meta.dirname, name));
  const key = inputKey([suite, packages, unused], [import.meta.filename, ...scripts]);
  if (readManifest<Manifest>(manifest, key)) return files;
  mkdirSync(folder, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'ingot-ipa-'));
  try {
    const root = join(work, 'root');
    await runCommand('mmdebstrap', argumentsFor(root, await readHostSettings(process.env, suite)), {
      signal,
      timeoutMs: maxWaitMs,
    });
    const kernel = readdirSync(join(root, 'boot')).find((name) => name.startsWith('vmlinuz-')) ?? '';
    copyFileSync(join(root, 'boot', kernel), files.kernel);
    prune(root);
    addInit(root);
    await pack(root, files.ramdisk, signal);
    writeFileSync(manifest, JSON.stringify({ key } satisfies Manifest));
  } finally {
    await runCommand('rm', ['-rf', '--one-file-system', work]);
  }
  return files;
}

function argumentsFor(root: string, { apt, sources }: HostSettings): string[] {
  const options = [
    ...['Acquire::Check-Valid-Until "false"', 'Acquire::Retries "2"', 'Acquire::http::Timeout "30"'],
    ...['APT::Install-Recommends "false"', ...apt],
  ];
  return [
    ...['--quiet', '--mode=root', '--variant=minbase', `--include=${packages.join(',')}`],
    ...options.map((line) => `--aptopt=${line}`),
    ...[suite, root, ...sources],
  ];
}

function prune(root: string): void {
  for (const path of unused) rmSync(join(root, path), { recursive: true, force: true });
  for (const [folder, pattern] of [
    [libraries, unusedFiles],
    ['usr/bin', unusedPrograms],
    ['dev', /./],
  ] as const)
    for (const name of readdirSync(join(root, folder)).filter((each) => pattern.test(each)))
      rmSync(join(root, folder, name), { recursive: true, force: true });
}

function addInit(root: string): void {
  for (const [from, to] of [
    ['init.sh', 'init'],
    ['udhcpc.sh', 'etc/udhcpc.sh'],
  ] as const) {
    copyFileSync(join(import.meta.dirname, from), join(root, to));
    chmodSync(join(root, to), 0o755);
  }
  writeFileSync(join(root, 'etc/ironic-python-agent.conf'), '[DEFAULT]\ndebug = true\nuse_stderr = true\n');
}

/** The console exists before devtmpfs is mounted, so that init's first output is visible. */
const console = { path: 'dev/console', mode: 0o600, type: 'device', major: 5, minor: 1 } as const;

async function pack(root: string, file: string, signal: AbortSignal): Promise<void> {
  function* entries() {
    yield* folderEntries(root);
    yield console;
  }
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3 } });
  await pipeline(Readable.from(cpioArchive(entries()), { objectMode: false }), compress, createWriteStream(file), { signal });
}
