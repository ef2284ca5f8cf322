import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  firstFree,
  formatAddress,
  formatCidr,
  hostsOf,
  isIn,
  overlap,
  parseAddress,
  parseCidr,
  without,
} from './ip-addresses.ts';

const canonical = (text: string) => {
  const address = parseAddress(text);
  return address && formatAddress(address);
};

test('returns addresses in canonical form', () => {
  // The IPv6 rows are the examples of RFC 5952, section 4.
  const cases: [string, string][] = [
    ['10.0.0.1', '10.0.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['::', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
  ];
  for (const [text, expected] of cases) assert.equal(canonical(text), expected, text);
});

test('rejects invalid addresses', () => {
  const wrong = [
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '1.2.3.4.5',
    '10.0.0.1/24',
    ':::',
    '1::2::3',
    '10.0.0.5::',
    '1:10.0.0.5::2',
    '1:2:3:4:5:6:7',
    'g::',
    '12345::',
  ];
  for (const text of wrong) assert.equal(parseAddress(text), undefined, text);
});

test('computes bounds, hosts and members of a subnet', () => {
  const v4 = parseCidr('172.30.0.0/24')!;
  const v6 = parseCidr('2001:db8::/64')!;

  assert.equal(formatCidr(v4), '172.30.0.0/24');
  assert.equal(formatCidr(parseCidr('172.30.0.77/24')!), '172.30.0.0/24');
  assert.equal(formatAddress({ version: 4, value: hostsOf(v4).first }), '172.30.0.1');
  assert.equal(formatAddress({ version: 4, value: hostsOf(v4).last }), '172.30.0.254');
  assert.equal(formatAddress({ version: 6, value: hostsOf(v6).last }), '2001:db8::ffff:ffff:ffff:ffff');
  assert.ok(isIn(parseAddress('172.30.0.255')!, v4));
  assert.ok(!isIn(parseAddress('172.30.1.0')!, v4));
  assert.ok(!isIn(parseAddress('::1')!, v4));
  assert.deepEqual(hostsOf(parseCidr('10.0.0.4/31')!), { first: 167772164n, last: 167772165n });
  for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::/129', 'x/8'])
    assert.equal(parseCidr(text), undefined);
});

test('ranges', () => {
  assert.deepEqual(without({ first: 1n, last: 5n }, { first: 1n, last: 1n }), [{ first: 2n, last: 5n }]);
  assert.deepEqual(without({ first: 1n, last: 5n }, { first: 3n, last: 3n }), [
    { first: 1n, last: 2n },
    { first: 4n, last: 5n },
  ]);
  assert.deepEqual(without({ first: 1n, last: 1n }, { first: 1n, last: 1n }), []);
  assert.ok(overlap({ first: 1n, last: 5n }, { first: 5n, last: 9n }));
  assert.ok(!overlap({ first: 1n, last: 4n }, { first: 5n, last: 9n }));
  assert.equal(
    firstFree([{ first: 1n, last: 3n }], (value) => value < 3n),
    3n,
  );
  assert.equal(
    firstFree([{ first: 1n, last: 3n }], () => true),
    undefined,
  );
});
