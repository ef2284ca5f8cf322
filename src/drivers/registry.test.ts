import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeBoot } from './fake/boot.ts';
import { createFakeDriver } from './fake/index.ts';
import { createManualDriver } from './manual/index.ts';
import { createDrivers } from './registry.ts';

const settings = {
  'console.folders': [],
  'deploy.agent_timeout': 900,
  'deploy.image_timeout': 3600,
  'deploy.silence_timeout': 180,
  'fake.power_delay_ms': 0,
  'fake.deploy_delay_ms': 0,
  'fake.delay_ms': '0',
  'fake.fail_rate': '',
  'fake.stuck': '',
  'fake.soft_off_seconds': 0,
  'fake.seed': 0,
};
const drivers = createDrivers({
  ipmi: createFakeDriver({ powerDelayMs: 0, deployDelayMs: 0 }),
  manual: createManualDriver({ waitSeconds: 60, confirm: async () => {} }),
  virtualPower: createFakeDriver({ powerDelayMs: 0, deployDelayMs: 0 }),
  snmp: createFakeDriver({ powerDelayMs: 0, deployDelayMs: 0 }),
  tileraPdu: createFakeDriver({ powerDelayMs: 0, deployDelayMs: 0 }),
  redfish: createFakeDriver({ powerDelayMs: 0, deployDelayMs: 0 }),
  pxe: fakeBoot,
  ipxe: fakeBoot,
  settings,
});

test('every name in a hardware type is registered', () => {
  for (const [name, type] of Object.entries(drivers.hardwareTypes)) {
    assert.equal(type.name, name);
    for (const slot of ['power', 'management', 'boot', 'deploy', 'console', 'bios', 'firmware', 'vendor'] as const) {
      assert.ok(type[slot].length > 0);
      for (const choice of type[slot]) assert.ok(choice in drivers[slot], `${name}: ${slot} ${choice}`);
    }
  }
});

test('a deploy interface names boot interfaces that exist, and steps with names of their own', () => {
  for (const [name, deploy] of Object.entries(drivers.deploy)) {
    for (const boot of deploy.boot) assert.ok(boot in drivers.boot, `${name}: ${boot}`);
    const names = deploy.steps.map((step) => step.name);
    assert.equal(new Set(names).size, names.length, name);
    for (const step of deploy.steps) assert.ok(step.deadlineSeconds > 0 && step.title !== '', `${name}: ${step.name}`);
  }
});

test('fake deploy has the steps of direct', () => {
  const names = (name: string) => drivers.deploy[name]?.steps.map((step) => step.name);
  assert.deepEqual(names('fake'), names('direct'));
});

test('every driver folder has a door and a readme', async () => {
  const folders = (await readdir(import.meta.dirname, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  assert.ok(folders.length >= 4);
  for (const { name } of folders) {
    for (const file of ['index.ts', 'readme.md']) assert.ok(existsSync(join(import.meta.dirname, name, file)), `${name}/${file}`);
  }
});
