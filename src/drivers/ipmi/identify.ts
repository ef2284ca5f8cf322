import type { JsonObject } from '#domain/json.ts';
import type { FruArea } from '#wire/ipmi/fru-data.ts';
import { type FruInventory, readFru } from '#wire/ipmi/fru-inventory.ts';
import type { FruLocator } from '#wire/ipmi/sdr-records.ts';
import type { HardwareIdentity } from '../interfaces.ts';
import type { NodeAsker } from './ask-node.ts';
import type { SensorRecords } from './sensor-records.ts';

/** The FRU device that every BMC has: the machine itself. */
const ownDevice = { kind: 'fru', name: 'FRU 0', device: 0, lun: 0 } as const;
/** A machine has a few dozen parts with FRU data. */
const deviceLimit = 64;

/** Identity of the machine from FRU device 0; `details` has all devices named by the sensor records. */
export async function identify(asker: NodeAsker, records: SensorRecords): Promise<HardwareIdentity> {
  const devices: { name: string; inventory: FruInventory }[] = [];
  for (const { name, device, lun } of await findDevices(asker, records)) {
    const inventory = await readFru(asker, { device, lun }, () => asker.pause());
    if (inventory) devices.push({ name, inventory });
  }
  const own = devices.find(({ name }) => name === ownDevice.name)?.inventory ?? devices[0]?.inventory;
  return { ...summarize(own), details: { devices: devices.map(({ name, inventory }) => ({ name, ...describe(inventory) })) } };
}

async function findDevices(asker: NodeAsker, records: SensorRecords): Promise<FruLocator[]> {
  const named = (await records.of(asker)).filter((record) => record.kind === 'fru');
  const others = named.filter(({ device, lun }) => device !== ownDevice.device || lun !== 0);
  return [ownDevice, ...others].slice(0, deviceLimit);
}

/** Vendors fill the areas inconsistently: prefer the product area, then the board's, then the chassis'. */
const areaOrder = ['product', 'board', 'chassis'] as const;

function summarize(inventory: FruInventory | undefined): Omit<HardwareIdentity, 'details'> {
  const pick = (field: string) => areaOrder.map((area) => inventory?.[area]?.fields[field]).find(Boolean);
  const names = ['manufacturer', 'product', 'serial', 'part_number', 'asset_tag'] as const;
  return Object.fromEntries(names.flatMap((name) => (pick(name) ? [[name, pick(name)]] : [])));
}

function describe({ multirecords, notes, ...areas }: FruInventory): JsonObject {
  const named = Object.entries(areas).map(([name, area]) => [name, describeArea(area)]);
  return {
    ...Object.fromEntries(named),
    ...(multirecords.length > 0 && { multirecords: [...multirecords] }),
    ...(notes.length > 0 && { notes: [...notes] }),
  };
}

function describeArea({ fields, custom }: FruArea): JsonObject {
  return { ...fields, ...(custom.length > 0 && { custom: [...custom] }) };
}
