import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type HostAddress, HostNames } from './host-names.ts';

function countingNames(entries?: number) {
  const asked: string[] = [];
  const resolve = async (name: string): Promise<HostAddress> => {
    asked.push(name);
    if (name === 'nobody') throw new Error('no such name');
    return { address: '192.0.2.1', family: 4 };
  };
  return { asked, names: new HostNames({ resolve, ...(entries && { entries }) }) };
}

suite('host names', () => {
  test('returns an address in the form that a socket reports', () => {
    const { names, asked } = countingNames();
    assert.deepEqual(names.find('192.0.2.7'), { address: '192.0.2.7', family: 4 });
    assert.deepEqual(names.find('2001:DB8:0::1'), { address: '2001:db8::1', family: 6 });
    assert.deepEqual(names.find('fe80:0::1%lo'), { address: 'fe80::1%lo', family: 6 });
    assert.deepEqual(asked, []);
  });

  test('resolves a name once, also for concurrent requests', async () => {
    const { names, asked } = countingNames();
    await Promise.all([names.find('bmc'), names.find('bmc')]);
    await names.find('bmc');
    assert.deepEqual(asked, ['bmc']);
  });

  test('resolves an unknown name again', async () => {
    const { names, asked } = countingNames();
    for (let round = 0; round < 2; round += 1) await assert.rejects(async () => names.find('nobody'));
    assert.equal(asked.length, 2);
  });

  test('evicts the oldest beyond the limit', async () => {
    const { names, asked } = countingNames(2);
    for (const name of ['a', 'b', 'c', 'b', 'a']) await names.find(name);
    assert.deepEqual(asked, ['a', 'b', 'c', 'a']);
  });
});
