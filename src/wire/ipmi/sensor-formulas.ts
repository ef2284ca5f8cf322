/** Converts a sensor's raw byte to its value: IPMI 2.0 rev 1.1 section 36.3, factors as in table 43-1. */

/** Analog data format of the raw byte. `none`: the sensor has no numeric reading. */
export type AnalogFormat = 'unsigned' | 'ones complement' | 'twos complement' | 'none';
export const analogFormats: readonly AnalogFormat[] = ['unsigned', 'ones complement', 'twos complement', 'none'];

/** y = L[(M·x + B·10^bExponent) · 10^rExponent] */
export type Factors = {
  readonly m: number;
  readonly b: number;
  readonly bExponent: number;
  readonly rExponent: number;
};

/** Linearization codes of table 43-1, byte 24; 70h to 7Fh are non-linear: each reading needs its own factors. */
const linearizations: readonly ((x: number) => number)[] = [
  (x) => x,
  Math.log,
  Math.log10,
  Math.log2,
  Math.exp,
  (x) => 10 ** x,
  (x) => 2 ** x,
  (x) => 1 / x,
  (x) => x ** 2,
  (x) => x ** 3,
  Math.sqrt,
  Math.cbrt,
];
export const reciprocal = 7;
export const firstNonLinear = 0x70;

/** @param bytes six: M, M and tolerance, B, B and accuracy, accuracy and its exponent, exponents of R and B */
export function decodeFactors(bytes: Uint8Array): Factors {
  const [mLow = 0, mHigh = 0, bLow = 0, bHigh = 0, , exponents = 0] = bytes;
  return {
    m: signed(mLow | ((mHigh & 0xc0) << 2), 10),
    b: signed(bLow | ((bHigh & 0xc0) << 2), 10),
    rExponent: signed(exponents >> 4, 4),
    bExponent: signed(exponents & 0x0f, 4),
  };
}

export function encodeFactors({ m, b, rExponent, bExponent }: Factors): Buffer {
  const high = (value: number) => (value >> 2) & 0xc0;
  return Buffer.of(m & 0xff, high(m), b & 0xff, high(b), 0, ((rExponent & 0x0f) << 4) | (bExponent & 0x0f));
}

/** @returns undefined if there is no number: the format has none, or the formula is undefined there (log of 0) */
export function convertReading(raw: number, formula: Formula): number | undefined {
  if (formula.format === 'none') return undefined;
  const { m, b, bExponent, rExponent } = formula.factors;
  const linearize = formula.linearization >= firstNonLinear ? linearizations[0] : linearizations[formula.linearization];
  if (!linearize) return undefined;
  const value = linearize((m * readAs(raw, formula.format) + b * 10 ** bExponent) * 10 ** rExponent);
  return Number.isFinite(value) ? withoutNoise(value) : undefined;
}
export type Formula = { readonly format: AnalogFormat; readonly linearization: number; readonly factors: Factors };

function readAs(raw: number, format: AnalogFormat): number {
  if (format === 'unsigned' || raw < 0x80) return raw;
  return format === 'twos complement' ? raw - 0x100 : -(~raw & 0xff);
}

function signed(value: number, width: number): number {
  return value >= 1 << (width - 1) ? value - (1 << width) : value;
}

/** Removes binary rounding errors such as 12.100000000000001; nine digits exceed the precision of any sensor. */
function withoutNoise(value: number): number {
  return Number(value.toPrecision(9));
}
