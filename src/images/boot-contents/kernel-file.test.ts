import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { describeKernel } from '#domain/kernel-contents.ts';
import { efiProgram, efiProgramFor } from '#test/boot-disks.ts';
import { readKernel } from './kernel-file.ts';

const arm = Buffer.alloc(512);
arm.write('ARMd', 0x38, 'latin1');

for (const [what, file, said] of [
  ["iPXE's bzImage", () => readFileSync('/usr/lib/ipxe/ipxe.lkrn'), 'a bzImage for x86_64'],
  ['an EFI program of iPXE', efiProgram, 'an EFI program for x86_64'],
  ['one for aarch64', () => efiProgramFor(0xaa64), 'an EFI program for aarch64'],
  ['an arm64 Image', () => arm, 'an arm64 Image for aarch64'],
  ['the program that runs this test', () => readFileSync(process.execPath).subarray(0, 4096), 'an ELF for x86_64'],
  ['a compressed file', () => gzipSync('kernel'), 'a compressed file'],
  ['random bytes', () => Buffer.concat([Buffer.from('\0'), randomBytes(4095)]), 'nothing that is known as a kernel'],
  ['nothing', () => Buffer.alloc(0), 'nothing that is known as a kernel'],
] as const) {
  test(`${what}: ${said}`, () => {
    assert.equal(describeKernel(readKernel(file())), said);
  });
}
