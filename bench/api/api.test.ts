import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { benchApi } from './command.ts';
import { listenersOf } from './peer.ts';
import { renderApiFindings } from './table.ts';

test('measures an Ingot process with few nodes and prints the findings', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-bench-api-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const signal = new AbortController().signal;

  const findings = await benchApi({ sizes: [3, 7], announce: () => {}, signal }, folder);
  const text = renderApiFindings(findings);

  const [small, large] = findings.ingot.sizes;
  assert.deepEqual([small?.enrolled.count, large?.enrolled.count], [3, 4]);
  assert.ok(findings.ingot.sizes.every(({ timings }) => timings.every(({ cpu, p50, p99 }) => Number(cpu) > 0 && p99 >= p50)));
  assert.ok(Number(large?.pss) > 1024 ** 2);
  assert.match(text, /^start to the first reply: \d+ ms$/m);
  assert.match(
    text,
    /^memory at rest: \d+ MiB \(PSS; resident \d+\) without nodes, \d+ MiB \(PSS; resident \d+\) with 7 nodes$/m,
  );
  assert.match(text, /^PATCH of a node +\d+\.\d\d +\d+\.\d\d +\d+\.\d\d$/m);
});

test('shows the peer beside Ingot, with ratios', () => {
  const timing = { title: 'list', cpu: 2, p50: 3, p99: 4 };
  const size = { nodes: 100, timings: [timing], enrolled: { count: 100, perSecond: 300, cpu: 1 }, pss: 1024 ** 3 };
  const slower = { ...size, timings: [{ ...timing, cpu: 20, p50: 6 }], enrolled: { count: 100, perSecond: 30, cpu: undefined } };
  const memory = { pss: 100 * 1024 ** 2, rss: 120 * 1024 ** 2 };
  const ingot = { startMs: 500, empty: memory, loaded: memory, sizes: [size] };

  const text = renderApiFindings({ started: 'now', host: 'here', ingot, peer: { sizes: [slower] } });

  assert.match(text, /^list +2\.00 +3\.00 +4\.00 +20\.00 +6\.00 +4\.00 +10\.0× +2\.0×$/m);
  assert.match(text, /^enrolment +1\.00 +300\/s +- +30\/s +- +10\.0×$/m);
});

test('finds the process that listens on a port', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };

  assert.deepEqual(listenersOf(port), [process.pid]);
});
