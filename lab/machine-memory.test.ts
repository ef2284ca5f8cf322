import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { MachineMemory } from './machine-memory.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ingot-memory-'));
  file = join(folder, 'memory.json');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('keeps a request for one boot until it is used', () => {
  new MachineMemory(file).bootOverride.set({ device: 'cdrom', persistent: false }, { expires: false });

  assert.deepEqual(new MachineMemory(file).bootOverride.takeForBoot(), { device: 'cdrom', persistent: false });
  assert.equal(new MachineMemory(file).bootOverride.get(), undefined);
});

test('keeps a persistent request, also one that would have expired unused', () => {
  const { bootOverride } = new MachineMemory(file);
  bootOverride.set({ device: 'pxe', persistent: true });
  bootOverride.takeForBoot();

  const again = new MachineMemory(file).bootOverride;
  assert.deepEqual(again.takeForBoot(), { device: 'pxe', persistent: true });
  again.clear();
  assert.equal(new MachineMemory(file).bootOverride.get(), undefined);
});

test('drops a request that expired while nothing ran', () => {
  writeFileSync(file, JSON.stringify({ override: { device: 'pxe', persistent: false }, until: Date.now() - 1, media: {} }));

  assert.equal(new MachineMemory(file).bootOverride.get(), undefined);
});

test('keeps media by device; a truncated file counts as empty', () => {
  const memory = new MachineMemory(file);
  memory.setMedium('cdrom', '/a.iso');
  memory.setMedium('disk', '/b.img');
  memory.setMedium('disk', null);
  memory.setMedium('floppy', '/media/medium-floppy', 'http://192.0.2.1/a.img');
  const again = new MachineMemory(file);
  assert.deepEqual(again.media, { cdrom: '/a.iso', floppy: '/media/medium-floppy' });
  const devices = ['cdrom', 'floppy', 'disk'] as const;
  assert.deepEqual(
    devices.map((device) => again.mediumUri(device)),
    ['file:///a.iso', 'http://192.0.2.1/a.img', null],
  );

  writeFileSync(file, '{"media":{"cd');
  assert.deepEqual(new MachineMemory(file).media, {});
});
