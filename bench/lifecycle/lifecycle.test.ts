import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { benchLifecycle } from './command.ts';
import { renderLifecycles } from './table.ts';

test('leads a few nodes through their lifecycle and prints the findings, beside those of a peer', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-bench-lifecycle-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { signal } = new AbortController();

  const findings = await benchLifecycle({ sizes: [3], announce: () => {}, signal }, folder);
  const [own] = findings.ingot;
  const peer = { nodes: 3, stages: [{ title: 'delete', seconds: 5, cpu: undefined }], latencies: [] };
  const text = renderLifecycles({ ...findings, peer });

  assert.deepEqual(
    own?.stages.map(({ title }) => title),
    ['enrol', 'enroll to active', 'active to available', 'delete'],
  );
  assert.ok(own?.stages.every(({ seconds, cpu }) => seconds > 0 && Number(cpu) > 0));
  assert.ok(own?.latencies.every(({ requests, p50, p99, most }) => requests > 0 && p50 <= p99 && p99 <= most));
  assert.match(text, /^3 nodes at once +seconds +CPU s +peer s +ratio$/m);
  assert.match(text, /^delete +\d+\.\d\d +\d+\.\d\d +5\.00 +\d+\.\d×$/m);
});
