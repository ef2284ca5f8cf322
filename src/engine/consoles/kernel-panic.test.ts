/**
 * Kernel panics as Linux prints them on a serial console; those of 6.1 are from Debian's kernel with ramdisks of random
 * bytes, truncated ones, or ones that are too large.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PanicScanner } from './kernel-panic.ts';

const noRoot = [
  '[    3.252953] VFS: Cannot open root device "(null)" or unknown-block(0,0): error -6',
  '[    3.253093] Please append a correct "root=" boot option; here are the available partitions:',
  '[    3.253350] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)',
  '[    3.253577] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 6.1.0-50-cloud-amd64 #1  Debian 6.1.176-1',
  '[    3.253756] Hardware name: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2-debian-1.16.2-1 04/01/2014',
  '[    3.253958] Call Trace:',
  '[    3.279154] Kernel Offset: 0x7e00000 from 0xffffffff81000000 (relocation range: 0xffffffff80000000-0xffffffffbfffffff)',
  '[    3.279455] ---[ end Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0) ]---',
].join('\r\n');

const table: readonly (readonly [text: string, quote: string, cause: RegExp])[] = [
  [noRoot, 'Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)', /no usable ramdisk/],
  ['[    1.1] Out of memory and no killable processes...', 'Out of memory and no killable processes...', /too little memory/],
  [
    'Kernel panic - not syncing: System is deadlocked on memory',
    'Kernel panic - not syncing: System is deadlocked on memory',
    /too little memory/,
  ],
  [
    '[    3.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000200',
    'Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000200',
    /init program of the ramdisk/,
  ],
  [
    'Kernel panic - not syncing: No working init found.',
    'Kernel panic - not syncing: No working init found.',
    /init program of the ramdisk/,
  ],
  [
    '\x1b[1m[   12.000001] \x1b[31mKernel panic - not syncing: Fatal exception in interrupt\x1b[0m',
    'Kernel panic - not syncing: Fatal exception in interrupt',
    /The kernel stopped/,
  ],
  [
    '---[ end Kernel panic - not syncing: Hard LOCKUP ]---',
    '---[ end Kernel panic - not syncing: Hard LOCKUP ]---',
    /The kernel stopped/,
  ],
  ['XZ-compressed data is corrupt\r\n\r\n -- System halted', '-- System halted', /could not be started/],
  ['Invalid or corrupt kernel image.', 'Invalid or corrupt kernel image.', /could not be started/],
];

for (const [text, quote, cause] of table) {
  test(quote, () => {
    const panic = new PanicScanner().feed(`[    0.0] Linux version 6.1\r\n${text}\r\n`);
    assert.equal(panic?.quote, quote);
    assert.match(panic?.cause ?? '', cause);
  });
}

for (const [line, cause] of [
  ['[    3.134802] Initramfs unpacking failed: write error', /too little memory to unpack the ramdisk/],
  ['[    1.921123] Initramfs unpacking failed: invalid magic at start of compressed archive', /damaged, or is none/],
  ['[    1.921123] Initramfs unpacking failed: ZSTD-compressed data is truncated', /damaged, or is none/],
] as const) {
  test(`finds the reason printed before the panic: ${line}`, () => {
    const panic = new PanicScanner().feed(`${line}\r\n[    2.1] Freeing unused kernel memory\r\n${noRoot}\r\n`);
    const said = line.replace(/^\[.*\] /, '');
    assert.equal(panic?.quote, `${said} … Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)`);
    assert.match(panic?.cause ?? '', cause);
  });
}

test('reads a line that arrives in pieces', () => {
  for (const size of [1, 7, 64]) {
    const scanner = new PanicScanner();
    const bytes = Array.from({ length: Math.ceil(noRoot.length / size) }, (_, index) =>
      noRoot.slice(index * size, (index + 1) * size),
    );
    const found = bytes.map((piece) => scanner.feed(piece)).find((panic) => panic !== undefined);
    assert.match(found?.quote ?? '', /^Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block\(0,0\)$/);
  }
});

test('ignores text that mentions a panic, overlong lines, and full-screen output', () => {
  const scanner = new PanicScanner();
  for (const text of [
    'Command line: panic=10 oops=panic console=ttyS0\n',
    '[    0.1] Kernel command line: initrd=deploy_ramdisk\n',
    '[    0.2] Out of memory: Killed process 77 (node)\n',
    '\x1b[2J\x1b[1;1H'.repeat(10_000),
    `${'x'.repeat(100_000)}\n`,
  ])
    assert.equal(scanner.feed(text), undefined);
});
