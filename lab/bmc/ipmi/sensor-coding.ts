/** Encodes a sensor's value into IPMI's byte, IPMI 2.0 rev 1.1 section 36.3. */
import {
  type AnalogFormat,
  analogFormats,
  convertReading,
  type Factors,
  firstNonLinear,
  reciprocal,
} from '#wire/ipmi/sensor-formulas.ts';
import type { AnalogSensor } from '../bmc-model.ts';

export type Coding = {
  readonly format: AnalogFormat;
  readonly linearization: number;
  /** Factors of a byte; the same for every byte except on a non-linear sensor. */
  factors(raw: number): Factors;
  /** The byte from which different factors apply; 0 = none. */
  readonly bend: number;
};

const exact = { m: 1, b: 0, bExponent: 0, rExponent: 0 };

export function codingOf(sensor: AnalogSensor): Coding {
  const linear = (factors: Factors, format: AnalogFormat = 'unsigned'): Coding => ({
    format,
    linearization: 0,
    factors: () => factors,
    bend: 0,
  });
  if (sensor.formula === 'reciprocal') return { ...linear({ ...exact, rExponent: -6 }), linearization: reciprocal };
  if (sensor.formula === 'factors') return bent;
  if (sensor.type === 'temperature') return linear(exact, 'twos complement');
  if (sensor.type === 'fan') return linear({ ...exact, m: 100 });
  const highest = 1.2 * Math.max(...Object.values(sensor.thresholds));
  if (sensor.type === 'voltage') return linear({ ...exact, m: Math.ceil((highest * 1000) / 255), rExponent: -3 });
  return linear({ ...exact, m: Math.ceil(highest / 255) });
}

/** Fine resolution below 100, coarse above. */
const bent: Coding = {
  format: 'unsigned',
  linearization: firstNonLinear,
  factors: (raw) => (raw < 50 ? { ...exact, m: 2 } : { ...exact, m: 5, b: -150 }),
  bend: 50,
};

/** The byte whose value is nearest. */
export function toRaw(value: number, coding: Coding): number {
  let nearest = 0;
  let distance = Number.POSITIVE_INFINITY;
  for (let raw = 0; raw < 256; raw += 1) {
    const apart = Math.abs((fromRaw(raw, coding) ?? Number.POSITIVE_INFINITY) - value);
    if (apart < distance) [nearest, distance] = [raw, apart];
  }
  return nearest;
}

export function fromRaw(raw: number, { format, linearization, factors }: Coding): number | undefined {
  return convertReading(raw, { format, linearization, factors: factors(raw) });
}

export function formatCode(format: AnalogFormat): number {
  return analogFormats.indexOf(format);
}
