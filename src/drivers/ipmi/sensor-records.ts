import { onUnit } from '#wire/ipmi/asker.ts';
import { decodeSdr, type SdrRecord, type SensorKey, type SensorRecord } from '#wire/ipmi/sdr-records.ts';
import { readSdrs, type SdrList } from '#wire/ipmi/sdr-repository.ts';
import { getSensorThresholds, type RawThresholds } from '#wire/ipmi/sensor-commands.ts';
import { type NodeAsker, oneOfMany } from './ask-node.ts';
import { readIpmiSettings } from './properties.ts';

type Known = {
  readonly sdrs: SdrList;
  /** Operators change thresholds, and rarely: they are cached. */
  readonly thresholds: Map<string, RawThresholds | undefined>;
  /** Expiry of the cached thresholds, and of records without a timestamp, where only a changed count would show. */
  readonly until: number;
};

/** Maximum number of BMCs in the cache, which holds raw bytes: some 10 kB each. */
const keptBmcs = 1_000;
const beliefMilliseconds = 3_600_000;

export class SensorRecords {
  /** The most recently read one last. */
  readonly #kept = new Map<string, Known>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The sensor data records of a node's BMC; read again only when the BMC's timestamps show a change. */
  async of(asker: NodeAsker): Promise<readonly SdrRecord[]> {
    const key = keyOf(asker);
    const former = this.#kept.get(key);
    const isBelieved = former !== undefined && former.until > this.#now();
    const sdrs = await readSdrs(asker, isBelieved || former?.sdrs.dated ? former?.sdrs : undefined);
    const fresh = former?.sdrs === sdrs && isBelieved ? former : undefined;
    this.#keep(key, fresh ?? { sdrs, thresholds: new Map(), until: this.#now() + beliefMilliseconds });
    return makeNamesUnique(sdrs.records.flatMap(decodeSdr));
  }

  /** Current thresholds as raw bytes; undefined if the BMC does not return them, so that those of the record apply. */
  async thresholds(asker: NodeAsker, sensor: SensorRecord): Promise<RawThresholds | undefined> {
    const known = this.#kept.get(keyOf(asker));
    const name = sensorKeyText(sensor);
    if (known?.thresholds.has(name)) return known.thresholds.get(name);
    const answer = await oneOfMany(asker.ask(onUnit(getSensorThresholds, sensor.lun), { sensor: sensor.number }));
    known?.thresholds.set(name, answer);
    return answer;
  }

  #keep(key: string, known: Known): void {
    this.#kept.delete(key);
    this.#kept.set(key, known);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > keptBmcs && oldest !== undefined) this.#kept.delete(oldest);
  }
}

/** Dell's BMCs name each processor's sensor `Temp`: duplicate names get the sensor's number, as in ipmitool. */
export function makeNamesUnique(records: readonly SdrRecord[]): SdrRecord[] {
  const count = new Map<string, number>();
  for (const record of records) if (record.kind === 'sensor') count.set(record.name, (count.get(record.name) ?? 0) + 1);
  return records.map((record) => {
    if (record.kind !== 'sensor' || count.get(record.name) === 1) return record;
    return { ...record, name: `${record.name} (0x${record.number.toString(16)})` };
  });
}

export function sensorKeyText({ owner, lun, number }: SensorKey): string {
  return `${owner}/${lun}/${number}`;
}

function keyOf({ node }: NodeAsker): string {
  const { address, port, bridge } = readIpmiSettings(node);
  return [address, port, ...(bridge ? [JSON.stringify(bridge)] : [])].join(' ');
}
