/** ipmitool 1.8.19's values for OpenIPMI's simulator with the records of test/captures/ipmi-sim-sensors.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnalogFormat, convertReading, decodeFactors, encodeFactors } from './sensor-formulas.ts';
import { describeUnits } from './sensor-units.ts';

type Row = {
  raw: number;
  printed: string;
  linearization?: number;
  format?: AnalogFormat;
  factors?: readonly [m: number, b: number, r: number, e: number];
};

const exact = [1, 0, 0, 0] as const;

const printedTable: readonly Row[] = [
  { raw: 0x60, printed: '96.000' },
  { raw: 200, linearization: 1, printed: '5.298' },
  { raw: 200, linearization: 2, printed: '2.301' },
  { raw: 200, linearization: 3, printed: '7.644' },
  { raw: 30, linearization: 4, factors: [1, 0, -1, 0], printed: '20.086' },
  { raw: 30, linearization: 5, factors: [1, 0, -1, 0], printed: '1000.000' },
  { raw: 30, linearization: 6, factors: [1, 0, -1, 0], printed: '8.000' },
  { raw: 80, linearization: 7, factors: [2, 0, -6, 0], printed: '6250.000' },
  { raw: 13, linearization: 8, printed: '169.000' },
  { raw: 7, linearization: 9, printed: '343.000' },
  { raw: 150, linearization: 10, printed: '12.247' },
  { raw: 150, linearization: 11, printed: '5.313' },
  { raw: 0xf6, format: 'twos complement', printed: '-10.000' },
  { raw: 0xf6, format: 'ones complement', printed: '-9.000' },
  { raw: 100, factors: [-3, 300, 0, 0], printed: '0.000' },
  { raw: 180, factors: [500, -400, -3, 1], printed: '86.000' },
  { raw: 33, factors: [7, -512, -8, 2], printed: '-0.001' },
];

for (const { raw, printed, linearization = 0, format = 'unsigned', factors = exact } of printedTable) {
  test(`${raw} with formula ${linearization}, ${format}, factors ${factors} is ${printed}`, () => {
    const [m, b, rExponent, bExponent] = factors;

    const bytes = encodeFactors({ m, b, rExponent, bExponent });

    assert.deepEqual(decodeFactors(bytes), { m, b, rExponent, bExponent });
    assert.equal(convertReading(raw, { format, linearization, factors: decodeFactors(bytes) })?.toFixed(3), printed);
  });
}

test('gives no value if there is none', () => {
  const factors = { m: 1, b: 0, rExponent: 0, bExponent: 0 };
  assert.equal(convertReading(0, { format: 'unsigned', linearization: 1, factors }), undefined, 'the logarithm of 0');
  assert.equal(convertReading(0, { format: 'unsigned', linearization: 7, factors }), undefined, '1 / 0');
  assert.equal(convertReading(9, { format: 'none', linearization: 0, factors }), undefined);
  assert.equal(convertReading(9, { format: 'unsigned', linearization: 0x20, factors }), undefined, 'a reserved formula');
});

test('formats units with a modifier, a rate and a percentage', () => {
  const plain = { base: 0, modifier: 0, combination: 0, rate: 0, percentage: false };
  assert.equal(describeUnits(plain), null);
  assert.equal(describeUnits({ ...plain, base: 6, modifier: 24, combination: 2 }), 'W·h');
  assert.equal(describeUnits({ ...plain, base: 17, modifier: 6, combination: 1 }), 'CFM/W');
  assert.equal(describeUnits({ ...plain, base: 70, rate: 3 }), 'B/s');
  assert.equal(describeUnits({ ...plain, percentage: true }), '%');
});
