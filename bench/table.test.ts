import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Phases } from '#demo/phases.ts';
import { type Findings, ratesOf, reportOf } from './report.ts';
import { renderFindings } from './table.ts';

const mib = 1024 ** 2;
const phases: Phases = { prepare: 1, firmware: 2, 'DHCP + boot files': 3, ramdisk: 4, image: 5, reboot: 6, OS: 7.5 };
const use = { before: 80 * mib, peak: 95 * mib, cpuSeconds: 1.25, toolCpuSeconds: 3 };

function findings(changes: Partial<Findings> = {}): Findings {
  return {
    started: '2026-01-01T00:00:00Z',
    host: { qemu: '7.2', 'node.js': 'v26' },
    images: { partition: { dataBytes: 400e6 }, 'whole-disk': { dataBytes: 410e6 } },
    rest: { started: 70 * mib, idle: 75 * mib, afterwards: 90 * mib },
    peer: {
      others: 0.25,
      writes: [
        { way: 'plain', seconds: 41, diskBytes: 2000e6 },
        { way: 'sparse', seconds: 20.5, diskBytes: 2000e6 },
      ],
    },
    alone: {
      A: { phases, write: { seconds: 20, diskBytes: 2000e6 }, use, others: 0 },
      B: { phases, write: { seconds: 20.5, diskBytes: 2000e6 }, use, others: 0 },
    },
    ...changes,
  };
}

const cellsOf = (text: string, label: string) => {
  const found = text.split('\n').find((line) => line.startsWith(`  ${label}  `));
  assert.ok(found, `no line '${label}' in\n${text}`);
  return found
    .slice(label.length + 2)
    .trim()
    .split(/\s+/);
};

test('computes rates from data, and ratios against the peer of the same run', () => {
  const report = findings();
  assert.deepEqual(ratesOf(report, 'B', report.alone.B), {
    mbPerSecond: 20,
    peer: { plain: { mbPerSecond: 10, ratio: 2 }, sparse: { mbPerSecond: 20, ratio: 1 } },
  });
  assert.equal(ratesOf(report, 'A', report.alone.A)?.peer.plain?.ratio, 2);
  assert.equal(ratesOf(report, 'A', { phases }), undefined);
});

test('has one column per chain and a sum of the phases', () => {
  const text = renderFindings(findings());
  assert.deepEqual(cellsOf(text, 'OS'), ['7.5', '7.5']);
  assert.deepEqual(cellsOf(text, 'sum'), ['28.5', '28.5']);
  assert.deepEqual(cellsOf(text, 'MB/s of data'), ['20.0', '20.0']);
  assert.deepEqual(cellsOf(text, 'Ingot to that'), ['2.00×', '2.00×']);
  assert.deepEqual(cellsOf(text, 'memory at rest: ready, idle, MiB'), ['75']);
  assert.deepEqual(cellsOf(text, 'memory in the deploy, most, MiB'), ['95', '95']);
  assert.deepEqual(cellsOf(text, 'while deploying'), ['0', '%', '0', '%']);
  assert.deepEqual(cellsOf(text, 'while the peer wrote'), ['25', '%']);
  assert.ok(text.split('\n').every((line) => line === line.trimEnd()));
});

test('adds columns for simultaneous runs, and a dash for an unmeasured write', () => {
  const together = { deployed: { A: { phases }, B: { phases, write: { seconds: 41, diskBytes: 2000e6 } } }, use, others: 0.5 };
  const text = renderFindings(findings({ together }));
  assert.deepEqual(cellsOf(text, 'MB/s of data'), ['20.0', '20.0', '-', '10.0']);
  assert.deepEqual(cellsOf(text, 'processor seconds of Ingot'), ['1.3', '1.3', '1.3']);
});

test('the JSON contains the findings and the rates', () => {
  const report = JSON.parse(JSON.stringify(reportOf(findings())));
  assert.equal(report.rates.alone.A.peer.sparse.ratio, 1);
  assert.equal(report.rest.idle, 75 * mib);
});
