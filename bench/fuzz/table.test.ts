import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyFindings } from './findings.ts';
import { renderFuzzFindings } from './table.ts';

test('sums up all targets, and shows how to reproduce a fault', () => {
  const fault = { target: 'virsh output', index: 7, hex: 'c0ffee', problem: 'TypeError: x' };
  const targets = [
    { ...emptyFindings('virsh output'), inputs: 10, read: 3, rejected: 6, reasons: ['a', 'b'], slowestMs: 2, faults: [fault] },
    { ...emptyFindings('json patch'), inputs: 5, read: 1, rejected: 4, reasons: ['b'], slowestMs: 1 },
  ];

  const lines = renderFuzzFindings({ seed: 9, seconds: 12, targets }, 'a host').split('\n');

  assert.equal(lines[0], 'Ingot fuzz, seed 9, 12 s');
  const all = lines.find((line) => line.startsWith('all'));
  assert.deepEqual(all?.trim().split(/\s+/), ['all', '15', '4', '10', '2', '2.0', '1']);
  assert.ok(lines.includes('fault in virsh output, input 7: TypeError: x'));
  assert.ok(lines.includes("  replay npm run bench -- fuzz --only 'virsh output' --input c0ffee"));
});

test('reproduces an overlong input by its seed', () => {
  const fault = { target: 'x', index: 7, hex: 'ab'.repeat(5_000), problem: 'slow' };
  const text = renderFuzzFindings({ seed: 9, seconds: 1, targets: [{ ...emptyFindings('x'), faults: [fault] }] }, 'a host');
  assert.match(text, /… \(5000 bytes\)\n {2}replay npm run bench -- fuzz --only x --seed 9$/m);
});
