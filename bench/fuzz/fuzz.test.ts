/** A small share of the inputs of `npm run bench -- fuzz`: every target, with the same inputs each time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzTargets } from '#test/fuzz/targets.ts';
import { fuzz } from './run.ts';
import { renderFuzzFindings } from './table.ts';

const host = 'this host';
const count = Number(process.env['FUZZ_COUNT'] ?? 20_000);

test('no parser crashes, hangs or accepts a forgery; each rejects with a reason', async () => {
  const findings = await fuzz({ count, seed: 1 });

  const faults = findings.targets.flatMap((target) => target.faults);
  assert.equal(faults.length, 0, renderFuzzFindings(findings, host));
  assert.equal(findings.targets.length, fuzzTargets.length);
  for (const { target, inputs, read, rejected } of findings.targets) assert.equal(read + rejected, inputs, target);
});

test('feeds an input again by its hex dump', async () => {
  const input = Buffer.from('00060c81', 'hex');
  const { targets } = await fuzz({ count: 1, seed: 1, only: 'rmcp packets', input, threads: 1 });
  const [{ inputs, rejected, reasons } = { inputs: 0, rejected: 0, reasons: [] }] = targets;
  assert.deepEqual([inputs, rejected, reasons.length], [1, 1, 1]);
});

test('rejects an unknown target', async () => {
  await assert.rejects(fuzz({ count: 1, seed: 1, only: 'nothing' }), /no target 'nothing'; there are: rmcp packets/);
});
