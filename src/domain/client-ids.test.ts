import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientIdOf } from './client-ids.ts';

test('accepts only hexadecimal bytes as client id, which dnsmasq cannot misread', () => {
  assert.equal(clientIdOf({ extra: { 'client-id': 'FF:00:00:07' } }), 'ff:00:00:07');
  assert.equal(clientIdOf({ extra: {} }), undefined);
  for (const none of [null, '']) assert.equal(clientIdOf({ extra: { 'client-id': none } }), undefined);
  for (const value of ['*', 'ff', 'ff:0', 'ff:00,192.0.2.1', 'ff:00\nff:11', 7, ['ff:00'], { a: 'ff:00' }, 'ff:'.repeat(256)])
    assert.equal(clientIdOf({ extra: { 'client-id': value } }), null);
});
