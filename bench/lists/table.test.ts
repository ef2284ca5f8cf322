import assert from 'node:assert/strict';
import { test } from 'node:test';
import { largeSize, measureLists } from './measure.ts';
import { renderListFindings } from './table.ts';

test('fills and measures a small site and prints the findings', async () => {
  const size = Object.fromEntries(Object.entries(largeSize).map(([name, count]) => [name, count / 200])) as typeof largeSize;

  const findings = await measureLists(size, () => {});
  const text = renderListFindings({ started: 'now', host: 'here', ...findings });

  assert.ok(findings.routes.length > 25);
  assert.ok(findings.routes.every(({ bytes }) => Number(bytes) > 0));
  assert.match(text, /^nodes 50, servers 25, /m);
  assert.match(text, /^\/baremetal\/v1\/nodes\/\{id\}\/history +\d+\.\d/m);
  assert.match(text, /^a server on any free node +\d+\.\d +\d+\.\d$/m);
  assert.match(text, /^old records removed: operations \d+, events \d+ in /m);
});
