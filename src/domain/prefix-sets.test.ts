import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCidr, type IpRange, type IpVersion, overlap, parseCidr } from './ip-addresses.ts';
import { bestFit, difference, isSubset, prefixesOf, united } from './prefix-sets.ts';

const setOf = (...texts: string[]) => united(texts.map((text) => parseCidr(text)!));
const texts = (set: readonly IpRange[], version: IpVersion = 4) => prefixesOf(version, set);

test('prefixes that touch or overlap become one', () => {
  assert.deepEqual(texts(setOf('10.0.1.0/24', '10.0.0.0/24', '10.0.0.128/25')), ['10.0.0.0/23']);
  assert.deepEqual(texts(setOf('10.0.1.0/24', '10.0.2.0/24')), ['10.0.1.0/24', '10.0.2.0/24']);
  assert.deepEqual(texts(setOf('::/1', '8000::/1'), 6), ['::/0']);
});

test('what is taken away leaves the rest', () => {
  const left = difference(setOf('10.0.0.0/24', '10.2.0.0/16'), setOf('10.0.0.64/26', '10.1.0.0/16', '10.2.255.0/24'));
  assert.deepEqual(texts(left), [
    ...['10.0.0.0/26', '10.0.0.128/25', '10.2.0.0/17', '10.2.128.0/18', '10.2.192.0/19', '10.2.224.0/20', '10.2.240.0/21'],
    ...['10.2.248.0/22', '10.2.252.0/23', '10.2.254.0/24'],
  ]);
  assert.deepEqual(texts(difference(setOf('10.0.0.0/24', '10.0.2.0/24'), setOf('10.0.0.0/8'))), []);
  assert.equal(isSubset(setOf('10.0.0.0/24'), setOf('10.0.0.0/8')), true);
  assert.equal(isSubset(setOf('10.0.0.0/8'), setOf('10.0.0.0/24')), false);
});

test('a prefix goes where it fits best', () => {
  assert.equal(bestFit(4, setOf('10.0.0.0/16'), 24), '10.0.0.0/24');
  assert.equal(bestFit(4, setOf('10.0.0.0/16', '10.9.0.0/23', '10.10.0.0/23'), 24), '10.9.0.0/24');
  assert.equal(bestFit(4, setOf('10.0.1.0/24', '10.0.2.0/23'), 23), '10.0.2.0/23');
  assert.equal(bestFit(4, setOf('10.0.1.0/24', '10.0.2.0/24'), 23), undefined);
  assert.equal(bestFit(6, setOf('2001:db8::/32'), 64), '2001:db8::/64');
  assert.equal(bestFit(6, setOf('2000::/16'), 16), '2000::/16');
  assert.equal(bestFit(6, setOf('2001:db8::8/128'), 128), '2001:db8::8/128');
  assert.equal(bestFit(6, setOf('::/0'), 0), '::/0');
});

/** A slow search by the definition: over the fewest prefixes, the longest that has room, the first of equals. */
function slowFit(set: readonly IpRange[], prefix: number): string | undefined {
  const blocks = texts(set).map((text) => parseCidr(text)!);
  const [best] = blocks.filter((block) => block.prefix <= prefix).sort((left, right) => right.prefix - left.prefix);
  return best && formatCidr({ ...best, prefix });
}

test('the best fit is that of a search through all blocks', () => {
  let seed = 7;
  const next = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  for (let round = 0; round < 300; round++) {
    const holes = Array.from({ length: next(12) }, () => parseCidr(`10.0.${next(4)}.${next(256)}/${24 + next(9)}`)!);
    const set = difference(setOf('10.0.0.0/22'), united(holes));
    const prefix = 22 + next(11);
    const found = bestFit(4, set, prefix);
    assert.equal(found, slowFit(set, prefix), `${texts(set)} /${prefix}`);
    if (found) assert.ok(!holes.some((hole) => overlap(hole, parseCidr(found)!)));
  }
});
