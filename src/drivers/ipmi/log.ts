import { Fault } from '#domain/faults.ts';
import type { SensorRecord } from '#wire/ipmi/sdr-records.ts';
import { eraseSel, readSel } from '#wire/ipmi/sel-log.ts';
import { describeEvent, nameSource, type SelEvent, type SelRecord } from '#wire/ipmi/sel-records.ts';
import { describeUnits } from '#wire/ipmi/sensor-units.ts';
import { clearSel } from '#wire/ipmi/storage-commands.ts';
import type { LogEntry } from '../interfaces.ts';
import type { NodeAsker } from './ask-node.ts';
import { readIpmiSettings } from './properties.ts';
import { type SensorRecords, sensorKeyText } from './sensor-records.ts';
import { convertRaw } from './sensors.ts';

export async function readLog(asker: NodeAsker, records: SensorRecords): Promise<LogEntry[]> {
  const entries = await readSel(asker, asker.notice);
  if (entries.length === 0) return [];
  const sensors = new Map<string, SensorRecord>();
  for (const record of await records.of(asker)) if (record.kind === 'sensor') sensors.set(sensorKeyText(record), record);
  const log: LogEntry[] = [];
  for (const entry of entries) log.push(await toLogEntry(asker, entry, sensors));
  return log;
}

export async function clearLog(asker: NodeAsker): Promise<void> {
  if (await eraseSel(asker, () => asker.pause())) return;
  const { address } = readIpmiSettings(asker.node);
  throw new Fault('bmcError', { address, command: clearSel.name, detail: 'the event log is still being erased' });
}

async function toLogEntry(
  asker: NodeAsker,
  { id, type, at, event, oem }: SelRecord,
  sensors: ReadonlyMap<string, SensorRecord>,
): Promise<LogEntry> {
  const head = { id: String(id), at: at === null ? null : new Date(at * 1000).toISOString() };
  if (!event) {
    const message = `record of type ${type.toString(16).toUpperCase()}h: ${oem?.toString('hex') ?? ''}`;
    return { ...head, severity: 'ok', source: 'OEM', message };
  }
  const sensor = sensors.get(sensorKeyText(event));
  const { words, severity } = describeEvent(event);
  const values = sensor ? await describeValues(asker, sensor, event) : '';
  return { ...head, severity, source: sensor?.name ?? nameSource(event), message: `${words}${values}` };
}

/** `: 96 °C, threshold 95 °C`, as far as the event has these values. */
async function describeValues(asker: NodeAsker, sensor: SensorRecord, { reading, threshold }: SelEvent): Promise<string> {
  const unit = (sensor.analog && describeUnits(sensor.analog.units)) ?? '';
  const formatValue = async (raw: number | undefined) => {
    const value = raw === undefined ? undefined : await convertRaw(asker, sensor, raw);
    return value === undefined ? undefined : `${value} ${unit}`.trim();
  };
  const trigger = await formatValue(reading);
  const limit = await formatValue(threshold);
  const parts = [trigger, limit && `threshold ${limit}`].filter((part) => part !== undefined);
  return parts.length > 0 ? `: ${parts.join(', ')}` : '';
}
