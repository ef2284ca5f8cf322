import type { PowerState } from '#domain/power-states.ts';
import type { NodeFacts, Sensor } from '../interfaces.ts';
import { chance } from './machines.ts';

type Row = Pick<Sensor, 'name' | 'type' | 'unit' | 'thresholds'> & {
  readonly middle: number;
  readonly swing: number;
  readonly whenOff: boolean;
};

const sensorTable: readonly Row[] = [
  {
    ...{ name: 'Inlet Temp', type: 'temperature', unit: '°C', middle: 23, swing: 3, whenOff: true },
    thresholds: { 'lower critical': 2, 'upper non-critical': 38, 'upper critical': 42 },
  },
  {
    ...{ name: 'CPU1 Temp', type: 'temperature', unit: '°C', middle: 52, swing: 8, whenOff: false },
    thresholds: { 'upper non-critical': 85, 'upper critical': 95 },
  },
  {
    ...{ name: 'Fan1', type: 'fan', unit: 'rpm', middle: 6000, swing: 900, whenOff: false },
    thresholds: { 'lower critical': 600 },
  },
  {
    ...{ name: '12V', type: 'voltage', unit: 'V', middle: 12.1, swing: 0.2, whenOff: false },
    thresholds: { 'lower critical': 10.8, 'upper critical': 13.2 },
  },
  { ...{ name: 'System Power', type: 'power', unit: 'W', middle: 210, swing: 60, whenOff: false }, thresholds: {} },
];

/** Values change every minute and are the same for every caller. */
export function fakeSensors(node: NodeFacts, power: PowerState): Sensor[] {
  const minute = Math.floor(Date.now() / 60_000);
  const readings = sensorTable.map(({ middle, swing, whenOff, ...row }): Sensor => {
    const isReadable = whenOff || power === 'power on';
    const value = middle + (2 * chance(`${node.uuid} ${row.name} ${minute}`) - 1) * swing;
    return { ...row, value: isReadable ? Math.round(value * 10) / 10 : null, status: isReadable ? 'ok' : 'unknown', states: [] };
  });
  const supply: Sensor = {
    ...{ name: 'PSU1', type: 'power supply', value: null, unit: null, status: 'ok', thresholds: {} },
    states: ['presence detected'],
  };
  return [...readings, supply];
}
