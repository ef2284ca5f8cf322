import assert from 'node:assert/strict';
import { test } from 'node:test';
import { root } from './sources.ts';
import { groupFiles, isAlone } from './test-groups.ts';

test('a file that measures its process, or starts machines, has one to itself', () => {
  assert.equal(isAlone('src/api/a.test.ts', 'const { userCPUTime } = process.resourceUsage();'), true);
  assert.equal(isAlone('src/api/a.test.ts', "process.once('SIGTERM', end);"), true);
  assert.equal(isAlone('src/api/a.test.ts', 'spawn(process.execPath, [], { env: process.env });'), false);
  assert.equal(isAlone('lab/a.test.ts', ''), true);
});

test('each file is in one group, those that are alone first, and the last groups are small', () => {
  const shared = Array.from({ length: 100 }, () => `${root}/src/domain/faults.ts`);
  const groups = groupFiles([...shared, `${root}/bench/process-meter.test.ts`], 2);

  assert.deepEqual(groups[0], [`${root}/bench/process-meter.test.ts`]);
  assert.deepEqual(groups.flat().toSorted(), [...shared, `${root}/bench/process-meter.test.ts`].toSorted());
  const sizes = groups.slice(1).map(({ length }) => length);
  assert.deepEqual(
    sizes,
    sizes.toSorted((a, b) => b - a),
  );
  assert.deepEqual([sizes[0], sizes.at(-1)], [24, 1]);
});
