/** Real firmware as the referee: images considered bootable start in OVMF or SeaBIOS, and rejected ones do not. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type BootMode, whyNotBootable } from '#domain/boot-contents.ts';
import { bootContentsOf } from '#images/boot-contents/read-boot-contents.ts';
import { bootSector } from '#test/a-small-system.ts';
import { efiProgram, efiProgramFor, makeBootDisk, writeAt } from '#test/boot-disks.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-boot-referee-'));
after(() => rmSync(folder, { recursive: true }));

const code = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const timeout = 600_000;
const loader = { '/EFI/BOOT/BOOTX64.EFI': efiProgram() };
const sector = bootSector('BOOT CODE RUNS\r\n');
const logical =
  'start=2048, size=2048, type=83\nstart=4096, type=5\nstart=8192, size=4096, type=83\nstart=24576, size=40960, type=ef';

function damaged(): string {
  const disk = makeBootDisk(folder, 'damaged', { label: 'gpt', fat: 16, mib: 32, files: loader });
  for (const at of [512, 32 * 2 ** 20 - 512]) writeAt(disk, Buffer.alloc(64), at);
  return disk;
}

function iso(): string {
  const tree = join(folder, 'tree');
  mkdirSync(tree);
  makeBootDisk(tree, 'efi.img', { fat: 12, mib: 2, files: loader });
  const path = join(folder, 'cd');
  execFileSync('genisoimage', ['-quiet', '-e', 'efi.img', '-no-emul-boot', '-o', path, tree], { stdio: 'pipe' });
  return path;
}

function blank(name: string): string {
  writeFileSync(join(folder, name), '');
  truncateSync(join(folder, name), 4 * 2 ** 20);
  return join(folder, name);
}

const disk = (name: string, plan: Parameters<typeof makeBootDisk>[2]) => () => makeBootDisk(folder, name, plan);

const disks: readonly (readonly [what: string, mode: BootMode, make: () => string, starts: boolean])[] = [
  ['a GPT with FAT32', 'uefi', disk('gpt', { label: 'gpt', files: loader }), true],
  ['an MBR with FAT12', 'uefi', disk('dos', { label: 'dos', fat: 12, mib: 8, files: loader }), true],
  [
    'a FAT in a logical partition',
    'uefi',
    disk('logical', { label: 'dos', fat: 16, mib: 40, start: 12, room: 20, partitions: logical, files: loader }),
    true,
  ],
  ['a FAT without a table', 'uefi', disk('plain', { fat: 16, mib: 32, files: loader }), true],
  ['an ISO by its boot catalog', 'uefi', iso, true],
  [
    'a loader for aarch64',
    'uefi',
    disk('arm', { label: 'gpt', files: { '/EFI/BOOT/BOOTX64.EFI': efiProgramFor(0xaa64) } }),
    false,
  ],
  ['a GPT damaged at both ends', 'uefi', damaged, false],
  ['boot code alone', 'uefi', disk('code', { label: 'dos', bootCode: sector.subarray(0, 440) }), false],
  ['boot code in an MBR', 'bios', disk('mbr', { label: 'dos', bootCode: sector.subarray(0, 440) }), true],
  ['boot code in a protective MBR', 'bios', disk('pmbr', { label: 'gpt', bootCode: sector.subarray(0, 440) }), true],
  ['nothing', 'bios', () => blank('nothing'), false],
];

for (const [what, boot_mode, make, starts] of disks) {
  test(`${boot_mode}: ${what} ${starts ? 'starts' : 'does not start'}, as predicted`, { timeout }, async () => {
    const path = make();

    const why = whyNotBootable(await bootContentsOf(path), { boot_mode, architecture: 'x86_64' });
    const started = await startsInFirmware(path, boot_mode);

    assert.deepEqual([why === undefined, started], [starts, starts], why ?? 'it was said to start');
  });
}

/** Output of the serial console: from the loader or the boot sector, or from firmware that has found none. */
const words = { started: /iPXE initialising|ipxe\.org|BOOT CODE RUNS/, gaveUp: /Shell>|No bootable device/ };

async function startsInFirmware(path: string, mode: BootMode): Promise<boolean> {
  const variables = join(folder, 'variables');
  copyFileSync('/usr/share/OVMF/OVMF_VARS_4M.fd', variables);
  const flash = (file: string, more = '') => ['-drive', `if=pflash,format=raw,file=${file}${more}`];
  const firmware = mode === 'uefi' ? [...flash(code, ',readonly=on'), ...flash(variables)] : [];
  const machine = ['-machine', 'q35,accel=tcg,graphics=off', '-m', '256', '-nodefaults', '-display', 'none', '-serial', 'stdio'];
  const args = [...machine, ...firmware, '-drive', `if=virtio,format=raw,readonly=on,file=${path}`];
  const limit = { timeout: 300_000, killSignal: 'SIGKILL' } as const;
  const qemu = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'inherit'], ...limit });
  const ended = once(qemu, 'close');
  try {
    let said = '';
    for await (const chunk of qemu.stdout) {
      said += String(chunk);
      if (words.started.test(said)) return true;
      if (words.gaveUp.test(said)) return false;
    }
    throw new Error(`the machine ended: ${said.slice(-2000)}`);
  } finally {
    qemu.kill('SIGKILL');
    await ended;
  }
}
