import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { uefiFiles } from './qemu-arguments.ts';
import { bootNextFromUri, clearBootNext, VariableStore } from './uefi-variables.ts';

const skip = existsSync(uefiFiles.vars) ? false : 'needs the package ovmf';
const folder = mkdtempSync(join(tmpdir(), 'ingot-vars-'));
const file = join(folder, 'vars.fd');
after(() => rmSync(folder, { recursive: true }));

const freshStore = () => new VariableStore(readFileSync(uefiFiles.vars));
const kept = (name: string) => new VariableStore(readFileSync(file)).get(name);

test('reads a variable back, and the newest of one name', { skip }, () => {
  const store = freshStore();
  assert.equal(store.get('Boot0001'), undefined);

  store.set('Boot0001', Buffer.from([1, 2, 3]));
  store.set('BootNext', Buffer.from([1, 0]));
  store.set('Boot0001', Buffer.from([4]));
  assert.deepEqual([store.get('Boot0001'), store.get('BootNext')], [Buffer.from([4]), Buffer.from([1, 0])]);
  store.remove('Boot0001');
  assert.equal(store.get('Boot0001'), undefined);
});

test('only clears bits, as in flash', { skip }, () => {
  const store = freshStore();
  store.set('BootNext', Buffer.from([1, 0]));
  const before = Buffer.from(store.bytes);
  store.set('BootNext', Buffer.from([2, 0]));

  assert.ok(store.bytes.every((byte, offset) => (byte & before[offset]!) === byte));
});

test('a BMC removes its own boot request, not that of the operating system', { skip }, () => {
  copyFileSync(uefiFiles.vars, file);
  bootNextFromUri(file, 'http://172.30.0.1:8088/a.efi');
  assert.match(kept('Boot1B07')?.toString('latin1') ?? '', /http:\/\/172\.30\.0\.1:8088\/a\.efi/);
  clearBootNext(file);
  assert.equal(kept('BootNext'), undefined);

  const store = new VariableStore(readFileSync(file));
  store.set('BootNext', Buffer.from([5, 0]));
  writeFileSync(file, store.bytes);
  clearBootNext(file);
  assert.deepEqual(kept('BootNext'), Buffer.from([5, 0]));
});

test('rejects other files and a full store', { skip }, () => {
  assert.throws(() => new VariableStore(Buffer.alloc(4096)), /no file of UEFI variables/);
  assert.throws(() => freshStore().set('Big', Buffer.alloc(1 << 20)), /full/);
});
