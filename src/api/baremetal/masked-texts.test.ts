import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import type { DriverCatalog } from '#services/baremetal/driver-catalog.ts';
import { MaskedTexts } from './masked-texts.ts';

const drivers = new Proxy({ hardwareTypes: {} }, { get: (target, name) => Reflect.get(target, name) ?? {} }) as DriverCatalog;

function aMasker(most?: number) {
  const opened: string[] = [];
  const open = (_column: string, stored: string): JsonObject => {
    opened.push(stored);
    return JSON.parse(stored) as JsonObject;
  };
  const store = { nodes: { open } } as unknown as ConstructorParameters<typeof MaskedTexts>[0]['store'];
  return { masked: new MaskedTexts({ store, drivers, ...(most !== undefined && { most }) }), opened };
}

test('masks secrets, and opens each stored text once', () => {
  const { masked, opened } = aMasker();
  const before = '{"ipmi_username":"root","ipmi_password":"first"}';
  const after = '{"ipmi_username":"other","ipmi_password":"second"}';

  const texts = [before, before, after].map((stored) => masked.textOf('driver_info', stored));

  assert.deepEqual(texts, [
    '{"ipmi_username":"root","ipmi_password":"******"}',
    '{"ipmi_username":"root","ipmi_password":"******"}',
    '{"ipmi_username":"other","ipmi_password":"******"}',
  ]);
  assert.deepEqual(opened, [before, after]);
});

test('evicts the oldest texts, and does not cache long ones', () => {
  const { masked, opened } = aMasker(200);
  const stored = (index: number) => `{"address":"10.0.0.${index}","note":"${'x'.repeat(50)}"}`;
  const long = `{"note":"${'y'.repeat(20_000)}"}`;

  for (const text of [stored(1), stored(2), stored(1), long, long]) masked.textOf('driver_info', text);

  assert.deepEqual(opened.length, 5);
});
