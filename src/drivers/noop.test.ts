import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Interface } from './interfaces.ts';
import { absentInterfaces } from './noop.ts';

test('as in Ironic, the interface of a function that the hardware does not have is not valid', () => {
  const node = { driver: 'ipmi' } as Parameters<Interface['validate']>[0];
  const { vendor: _, ...kinds } = absentInterfaces;
  for (const [kind, interfaces] of Object.entries(kinds) as [string, Record<string, Interface>][]) {
    const message = `Driver ipmi does not support ${kind} (disabled or not implemented).`;
    assert.throws(() => interfaces[`no-${kind}`]?.validate(node), { code: 'unsupportedExtension', message });
  }
});
