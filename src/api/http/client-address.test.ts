import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf } from './client-address.ts';

const rows: readonly (readonly [text: string, network: string | undefined])[] = [
  ['192.0.2.7', '192.0.2.7'],
  ['192.0.2.7:4711', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::ffff:c000:207', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::ffff', '2001:db8:1:2::/64'],
  ['[2001:DB8:1:2::9]:443', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0003::9', '2001:db8:1:3::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['unknown', undefined],
  ['', undefined],
  ['192.0.2.7, 192.0.2.8', undefined],
  ['1.2.3.4:5:6', undefined],
];

for (const [text, network] of rows) {
  test(`'${text}' belongs to ${network ?? 'no network'}`, () => assert.equal(networkOf(text), network));
}
