import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namedVersions } from '../http/versioned.ts';
import { computeRows } from './rows.ts';
import { computeVersions, otherRevisions } from './versions.ts';

test('each revision from 2.91 on is named by a route, a field or the list of those without effect', () => {
  const named = namedVersions(computeRows);
  const { minor } = computeVersions.max;
  const later = Array.from({ length: minor - 90 }, (_, index) => 91 + index);

  assert.deepEqual(
    later.filter((each) => !named.has(each) && !(each in otherRevisions)),
    [],
  );
  assert.deepEqual(
    Object.keys(otherRevisions).filter((each) => named.has(Number(each))),
    [],
  );
});
