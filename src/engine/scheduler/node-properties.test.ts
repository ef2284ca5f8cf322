import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject } from '#domain/json.ts';
import { checkNodeProperties } from './node-properties.ts';

const check = (properties: JsonObject) => checkNodeProperties({ name: 'n1', uuid: 'u1', properties });

test('accepts the properties that clients send', () => {
  check({});
  check({ cpus: 4, memory_mb: '8192', local_gb: 0, cpu_arch: 'x86_64', capabilities: 'boot_mode:uefi, disk_label:gpt,' });
  check({ cpus: null, memory_mb: '', capabilities: '' });
  check({ root_device: { serial: 'x' }, anything: [1] });
});

test('rejects invalid properties by name', () => {
  const rows: readonly (readonly [string, Json, RegExp])[] = [
    ['memory_mb', '8GB', /^properties\/memory_mb of node n1 must be a whole number, not "8GB"\.$/],
    ['memory_mb', -1, /whole number, not -1/],
    ['cpus', 1.5, /whole number/],
    ['local_gb', [100], /whole number, not \[100\]/],
    ['local_gb', true, /whole number/],
    ['cpu_arch', 64, /must be text/],
    ['capabilities', { boot_mode: 'uefi' }, /must be text of the form "name:value,name:value", not \{"boot_mode"/],
    ['capabilities', 'boot_mode', /has "boot_mode", which is not of the form name:value/],
    ['capabilities', 'a:b,:c', /has ":c"/],
  ];
  for (const [key, value, message] of rows) assert.throws(() => check({ [key]: value }), { code: 'badRequest', message });
});
