import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { interfaceKinds } from '#domain/interface-kinds.ts';
import { readSettings } from '#settings.ts';
import { openDrivers } from './registry.ts';

const settings = readSettings({ flags: { state_dir: '/nonexistent' } });
const { drivers, close } = await openDrivers({ settings, confirmPower: async () => {} });
after(close);

test('every name in a hardware type is registered', () => {
  for (const [name, type] of Object.entries(drivers.hardwareTypes)) {
    assert.equal(type.name, name);
    for (const kind of interfaceKinds) {
      assert.ok(type[kind].length > 0, `${name}: ${kind}`);
      for (const choice of type[kind]) assert.ok(choice in drivers[kind], `${name}: ${kind} ${choice}`);
    }
  }
});

test('a deploy interface names existing boot interfaces and has unique step names', () => {
  for (const [name, deploy] of Object.entries(drivers.deploy)) {
    for (const boot of deploy.boot) assert.ok(boot in drivers.boot, `${name}: ${boot}`);
    const names = deploy.steps.map((step) => step.name);
    assert.equal(new Set(names).size, names.length, name);
    const marks = deploy.steps.flatMap(({ core }) => core ?? []);
    assert.deepEqual(marks, ['deploy', 'write_image', 'prepare_instance_boot', 'boot_instance'], name);
    for (const step of deploy.steps) assert.ok(step.deadlineSeconds > 0 && step.title !== '', `${name}: ${step.name}`);
  }
});

test('fake deploy has the steps of direct', () => {
  const names = (name: string) => drivers.deploy[name]?.steps.map((step) => step.name);
  assert.deepEqual(names('fake'), names('direct'));
});

test('every driver folder has an index and a readme', async () => {
  const folders = (await readdir(import.meta.dirname, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  assert.ok(folders.length >= 4);
  for (const { name } of folders) {
    for (const file of ['index.ts', 'readme.md']) assert.ok(existsSync(join(import.meta.dirname, name, file)), `${name}/${file}`);
  }
});
