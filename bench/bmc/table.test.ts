import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Census } from './fleet.ts';
import { renderBmcFindings } from './table.ts';

const host = { started: '2026-01-02T03:04:05.678Z', host: '2 × processor' };

test('compares with ipmitool: higher poll rate, less processor time', () => {
  const text = renderBmcFindings({
    ...host,
    rates: {
      ipmitool: { polls: 400, failures: 0, seconds: 10, cpuSeconds: 8 },
      new: { polls: 12_000, failures: 1, seconds: 10, cpuSeconds: 6 },
      kept: { polls: 80_000, failures: 0, seconds: 10, cpuSeconds: 4 },
    },
  });
  const [, , , , peer, fresh, kept] = text.split('\n').map((line) => line.trim().split(/ {2,}/));
  assert.deepEqual(peer, ['ipmitool -I lanplus', '40', '20.000', '0', '1.0×', '1.0×']);
  assert.deepEqual(fresh, ['Ingot, a new session each', '1200', '0.500', '1', '30.0×', '40.0×']);
  assert.deepEqual(kept, ['Ingot, sessions kept', '8000', '0.050', '0', '200.0×', '400.0×']);
});

test('shows the worst value of each figure of the fleet, and that it was never complete', () => {
  const census = (change: Partial<Census>): Census => ({
    ...{ at: 1, known: 97, reachable: 97, wrong: 0, oldest: 45, failing: 3, rss: 300 * 2 ** 20, sockets: 40, cpuShare: 0.05 },
    ...{ loopP99Ms: 5, loopMaxMs: 9 },
    ...change,
  });
  const fleet = {
    ...{
      nodes: 100,
      minutes: 1,
      shares: { dead: 0.02 },
      loss: 0.05,
      enrolSeconds: 1,
      knownAfter: undefined as number | undefined,
    },
    censuses: [census({}), census({ known: 95, wrong: 1, oldest: 61.5, rss: 310 * 2 ** 20 }), census({})],
    farm: { commands: 1, logins: 2, cpuSeconds: 3 },
  };
  const text = renderBmcFindings({ ...host, fleet });
  assert.match(text, /every reachable state known +never/);
  assert.match(text, /oldest state +61\.5 s/);
  assert.match(text, /unknown, wrong +2, 1/);
  assert.match(text, /memory: first, last, most +300 MiB, 300 MiB, 310 MiB/);
});
