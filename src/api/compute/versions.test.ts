import assert from 'node:assert/strict';
import { test } from 'node:test';
import { namedVersions } from '../http/versioned.ts';
import { computeRows } from './rows.ts';
import { computeVersions, otherRevisions } from './versions.ts';

test('each microversion since 2.91 has a route, a field, or an entry in the list of those without effect', () => {
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
