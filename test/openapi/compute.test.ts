import assert from 'node:assert/strict';
import { test } from 'node:test';
import { microversionTable } from '#api/versions.ts';
import { nothingFound, openComparison } from './comparison.ts';
import { computeCycle } from './compute-cycle.ts';
import { type ApiDocument, isAbsent } from './document.ts';
import { minorOf } from './schema-at-version.ts';

const range = microversionTable.compute;
const skip = isAbsent('compute') ?? false;

test("compute: every reply matches Nova's document at each microversion with a change", {
  skip,
}, async (t) => {
  const comparison = await openComparison(t, 'compute');

  for (const version of microversions(comparison.document)) await computeCycle(comparison, version);

  assert.deepEqual(comparison.findings(), nothingFound);
});

/** Also the first and the last of ours. */
function microversions(document: ApiDocument): string[] {
  const minors = [range.min.minor, ...document.versions().map(minorOf), range.max.minor];
  const ours = minors.filter((minor) => minor >= range.min.minor && minor <= range.max.minor);
  return [...new Set(ours)].toSorted((left, right) => left - right).map((minor) => `2.${minor}`);
}
