/**
 * Sensors of all chassis of a system. New services have a Sensors collection and subsystems, old ones the Thermal and
 * Power resources (deprecated by DSP0268); many have both for the same sensors.
 */
import type { Resource } from '#wire/redfish/redfish-client.ts';
import type { ManagementInterface, Sensor } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import type { SystemContext, WithSystem } from './find-system.ts';
import { membersIfAny, readAll, readIfAny } from './reading.ts';
import { linkAt, objectsAt, textAt } from './resource-fields.ts';
import { type FoundSensor, systemPower, toFanSensor, toMetric, toOldSensor, toSensor, toSupply } from './sensor-rows.ts';

export function createRedfishSensors(withSystem: WithSystem): Required<Pick<ManagementInterface, 'readSensors'>> {
  return { readSensors: (node, callOptions) => withSystem({ node, callOptions, command: 'read sensors' }, readSensors) };
}

async function readSensors(at: SystemContext): Promise<Sensor[]> {
  const all: Named[] = [];
  for (const chassis of await readAll(at, at.paths.chassis)) {
    const name = textAt(chassis, 'Id') ?? linkAt(chassis) ?? '';
    all.push(...(await sensorsOf(at, chassis)).map((sensor) => ({ chassis: name, sensor })));
  }
  if (all.length === 0) return await unsupported(at.node, 'sensors');
  return nameApart(all);
}

type Source = {
  /** Sensor types that it can provide. */
  readonly types: readonly string[];
  readonly read: (at: SystemContext, chassis: Resource) => Promise<(FoundSensor | undefined)[]>;
};

/** Each source adds the types that the previous ones lacked, and is skipped if it cannot add any. */
const sources: readonly Source[] = [
  { types: ['any'], read: readCollection },
  { types: ['temperature', 'fan', 'power', 'power supply'], read: readSubsystems },
  { types: ['temperature', 'fan'], read: readThermal },
  { types: ['voltage', 'power', 'power supply'], read: readPower },
];

async function sensorsOf(at: SystemContext, chassis: Resource): Promise<Sensor[]> {
  const found: Sensor[] = [];
  for (const source of sources) {
    const known = new Set(found.map(({ type }) => type));
    if (source.types.every((type) => known.has(type))) continue;
    found.push(...unique(await source.read(at, chassis)).filter(({ type }) => !known.has(type)));
  }
  return found;
}

function unique(found: readonly (FoundSensor | undefined)[]): Sensor[] {
  const paths = new Set<string>();
  return found.flatMap((entry) => {
    if (!entry || (entry.path !== undefined && paths.has(entry.path))) return [];
    if (entry.path !== undefined) paths.add(entry.path);
    return [entry.sensor];
  });
}

async function readCollection(at: SystemContext, chassis: Resource): Promise<(FoundSensor | undefined)[]> {
  return (await membersIfAny(at, linkAt(chassis, 'Sensors'))).map(toSensor);
}

/** Subsystem sensors, except excerpts of a Sensor in the collection. */
async function readSubsystems(at: SystemContext, chassis: Resource): Promise<(FoundSensor | undefined)[]> {
  const thermal = await readIfAny(at, linkAt(chassis, 'ThermalSubsystem'));
  const power = await readIfAny(at, linkAt(chassis, 'PowerSubsystem'));
  const metrics = await readIfAny(at, linkAt(thermal, 'ThermalMetrics'));
  const environment = await readIfAny(at, linkAt(chassis, 'EnvironmentMetrics'));
  return [
    ...objectsAt(metrics, 'TemperatureReadingsCelsius').map((excerpt) => toMetric(excerpt, 'temperature', 'Temperature')),
    ...(await membersIfAny(at, linkAt(thermal, 'Fans'))).map(toFanSensor),
    ...(await membersIfAny(at, linkAt(power, 'PowerSupplies'))).map(toSupply),
    toMetric(environment?.['PowerWatts'], 'power', systemPower),
  ];
}

async function readThermal(at: SystemContext, chassis: Resource): Promise<(FoundSensor | undefined)[]> {
  const thermal = await readIfAny(at, linkAt(chassis, 'Thermal'));
  return [
    ...objectsAt(thermal, 'Temperatures').map((row) => toOldSensor(row, 'temperature')),
    ...objectsAt(thermal, 'Fans').map((row) => toOldSensor(row, 'fan')),
  ];
}

async function readPower(at: SystemContext, chassis: Resource): Promise<(FoundSensor | undefined)[]> {
  const power = await readIfAny(at, linkAt(chassis, 'Power'));
  return [
    ...objectsAt(power, 'Voltages').map((row) => toOldSensor(row, 'voltage')),
    ...objectsAt(power, 'PowerControl').map((row) => toOldSensor(row, 'power')),
    ...objectsAt(power, 'PowerSupplies').map(toSupply),
  ];
}

type Named = { readonly chassis: string; readonly sensor: Sensor };

/** Renames one of several sensors with the same name (twins). */
type Rename = (named: Named, twins: readonly Named[]) => string;

/** Applied in turn until names are unique. Names are given per chassis, and some services repeat them within one. */
const renames: readonly Rename[] = [
  ({ chassis, sensor }, twins) => (twins.every((twin) => twin.chassis === chassis) ? sensor.name : `${chassis} ${sensor.name}`),
  ({ sensor }, [first]) => (first?.sensor.type === sensor.type ? sensor.name : `${sensor.name} (${sensor.type})`),
  // Supermicro names every power supply "Power Supply".
  (named, twins) => `${named.sensor.name} ${twins.indexOf(named) + 1}`,
];

function nameApart(all: readonly Named[]): Sensor[] {
  return renames.reduce(renameDuplicates, all).map(({ sensor }) => sensor);
}

function renameDuplicates(all: readonly Named[], rename: Rename): readonly Named[] {
  const groups = Map.groupBy(all, ({ sensor }) => sensor.name);
  return all.map((named) => {
    const twins = groups.get(named.sensor.name) ?? [];
    return twins.length < 2 ? named : { ...named, sensor: { ...named.sensor, name: rename(named, twins) } };
  });
}
