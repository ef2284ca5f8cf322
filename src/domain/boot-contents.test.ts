import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BootContents, type BootTarget, bootRemarks, whyNotBootable } from './boot-contents.ts';

const nothing: BootContents = { layout: 'unknown', boot_code: false, efi_loaders: [], unread: [], damage: [] };
const gpt: BootContents = { ...nothing, layout: 'gpt' };
const bios: BootContents = { ...nothing, layout: 'mbr', boot_code: true };
const loader = (architecture: string | null, path = '/EFI/BOOT/BOOTX64.EFI') => ({ path, architecture, is_default: true });
const efi = (...architectures: (string | null)[]): BootContents => ({
  ...gpt,
  efi_loaders: architectures.map((each) => loader(each)),
});
const both: BootContents = { ...efi('x86_64'), boot_code: true };
const x86 = { architecture: 'x86_64' };
const arm = { architecture: 'aarch64' };
const byBios = { ...x86, boot_mode: 'bios' } as const;
const byUefi = { ...x86, boot_mode: 'uefi' } as const;

for (const [what, contents, starts, doesNot] of [
  ['nothing', nothing, [], [{}, x86, arm, byBios, byUefi, { architecture: 'ppc64le' }]],
  ['a table alone', gpt, [arm, { architecture: 'ppc64le' }], [{}, x86, byBios, byUefi, { ...arm, boot_mode: 'uefi' }]],
  ['boot code', bios, [{}, x86, byBios, { architecture: 'amd64' }, { architecture: 'i386' }], [byUefi]],
  [
    'a loader for x86_64',
    efi('x86_64'),
    [{}, x86, byUefi, { architecture: 'AMD64' }],
    [byBios, arm, { architecture: 'ppc64le' }],
  ],
  ['a loader of 32 bits', efi('i686'), [{}, x86, byUefi], [byBios, arm]],
  ['a loader for aarch64', efi('aarch64'), [{}, arm, { architecture: 'arm64' }], [x86, byBios, byUefi]],
  ['loaders for both', efi('aarch64', 'x86_64'), [{}, x86, arm, byUefi], [byBios]],
  ['EFI byte code', efi('any'), [{}, x86, arm, byUefi], [byBios]],
  ['a file that is no program', efi(null), [], [{}, x86, arm, byUefi]],
  ['boot code and a loader', both, [{}, x86, byBios, byUefi], [arm]],
  ['a FAT that cannot be read', { ...gpt, unread: ['it'] }, [{}, x86, arm, byUefi], [byBios]],
  ['a loader, and a word that is no architecture', efi('x86_64'), [{ architecture: 'intel' }], []],
  ['a missing half', { ...both, cut_off: 'half' }, [], [{}, x86, byBios, byUefi]],
] as const satisfies readonly (readonly [string, BootContents, readonly BootTarget[], readonly BootTarget[]])[]) {
  test(`${what}: selects the machines that boot it`, () => {
    for (const target of starts) assert.equal(whyNotBootable(contents, target), undefined, JSON.stringify(target));
    for (const target of doesNot) assert.ok(whyNotBootable(contents, target), JSON.stringify(target));
  });
}

test('explains why it does not start by its contents and the machine', () => {
  assert.equal(
    whyNotBootable(both, arm),
    'it has boot code for BIOS and an EFI loader for x86_64 (/EFI/BOOT/BOOTX64.EFI) only; the machine is aarch64',
  );
  assert.equal(
    whyNotBootable({ ...gpt, damage: ['its GPT is missing or damaged'] }, byUefi),
    'it has no boot loader: a GPT without boot code and without an EFI loader; the machine is x86_64 and boots by UEFI; its GPT is missing or damaged',
  );
  assert.match(
    whyNotBootable({ ...nothing, layout: 'file system', file_system: 'ext' }, {}) ?? '',
    /one ext file system .*kernel_id/,
  );
  assert.match(whyNotBootable(efi(null), byUefi) ?? '', /\/EFI\/BOOT\/BOOTX64\.EFI is not an EFI program/);
});

test('notes a loader that firmware does not look for, unless another is at the default path', () => {
  const hidden = { ...loader('x86_64', '/EFI/DEBIAN/SHIMX64.EFI'), is_default: false };
  assert.match(bootRemarks({ ...gpt, efi_loaders: [hidden] }, byUefi).join(), /SHIMX64\.EFI, not below \/EFI\/BOOT/);
  assert.deepEqual(bootRemarks({ ...gpt, efi_loaders: [hidden, loader('x86_64')] }, byUefi), []);
  assert.deepEqual(bootRemarks({ ...gpt, efi_loaders: [hidden] }, byBios), []);
});
