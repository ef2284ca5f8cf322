/** Unit type codes, IPMI 2.0 rev 1.1 table 43-15, with the usual symbols. */
const unitTable = [
  '',
  '°C',
  '°F',
  'K',
  'V',
  'A',
  'W',
  'J',
  'C',
  'VA',
  'nit',
  'lm',
  'lx',
  'cd',
  'kPa',
  'psi',
  'N',
  'CFM',
  'rpm',
  'Hz',
  'µs',
  'ms',
  's',
  'min',
  'h',
  'd',
  'week',
  'mil',
  'in',
  'ft',
  'in³',
  'ft³',
  'mm',
  'cm',
  'm',
  'cm³',
  'm³',
  'l',
  'fl oz',
  'rad',
  'sr',
  'rev',
  'cycles',
  'g',
  'oz',
  'lbf',
  'ft·lbf',
  'ozf·in',
  'G',
  'Gb',
  'H',
  'mH',
  'F',
  'µF',
  'Ω',
  'S',
  'mol',
  'Bq',
  'ppm',
  undefined,
  'dB',
  'dBA',
  'dBC',
  'Gy',
  'Sv',
  'K (colour)',
  'bit',
  'kbit',
  'Mbit',
  'Gbit',
  'B',
  'KiB',
  'MiB',
  'GiB',
  'word',
  'dword',
  'qword',
  'line',
  'hit',
  'miss',
  'retry',
  'reset',
  'overrun',
  'underrun',
  'collision',
  'packet',
  'message',
  'character',
  'error',
  'correctable error',
  'uncorrectable error',
  'fatal error',
  'gram',
] as const;

/** Sensor units 1, bits 5 to 3, section 43.1. */
const rateTable = ['', '/µs', '/ms', '/s', '/min', '/h', '/d', ''] as const;

export type SensorUnits = {
  readonly base: number;
  readonly modifier: number;
  /** 0 = none, 1 = base / modifier, 2 = base × modifier. */
  readonly combination: number;
  readonly rate: number;
  readonly percentage: boolean;
};

/** @returns null if the number has no unit */
export function describeUnits({ base, modifier, combination, rate, percentage }: SensorUnits): string | null {
  const unit = unitTable[base] ?? '';
  const other = unitTable[modifier] ?? '';
  const joined = combination === 1 && other ? `${unit}/${other}` : combination === 2 && other ? `${unit}·${other}` : unit;
  const words = `${percentage ? '%' : ''}${percentage && joined ? ' ' : ''}${joined}${rateTable[rate] ?? ''}`;
  return words === '' ? null : words;
}
