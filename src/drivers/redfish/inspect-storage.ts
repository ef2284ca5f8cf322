/** Disks of a machine: schemas Storage, Drive, Volume; SimpleStorage for old services. */
import type { FoundDisk, FoundHardware } from '#domain/found-hardware.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Resource } from '#wire/redfish/redfish-client.ts';
import type { SystemContext } from './find-system.ts';
import { known, mostFound, shortAt, sizeAt } from './found-fields.ts';
import { membersIfAny, type Reader, readAll } from './reading.ts';
import { choicesAt, linkAt, linksAt, numberAt, objectsAt, textAt } from './resource-fields.ts';

type FoundStorage = Pick<FoundHardware, 'drives' | 'disks' | 'storage_controllers'>;

/** Of the controllers that a service lists; a machine has a few. */
const mostControllers = 64;

export async function readStorage(at: SystemContext, system: Resource): Promise<FoundStorage> {
  const controllers = (await membersIfAny(at, linkAt(system, 'Storage'))).slice(0, mostControllers);
  const [drives, disks, storage_controllers]: [FoundDisk[], FoundDisk[], JsonObject[]] = [[], [], []];
  // One drive may be linked by several controllers.
  const seen = new Set<string>();
  for (const controller of controllers) {
    const links = linksAt(controller, 'Drives').filter((path) => !seen.has(path) && seen.add(path));
    const own = await readAll(at, links.slice(0, mostFound - drives.length));
    const [its, volumes] = [own.flatMap(diskOf), await readVolumes(at, controller)];
    drives.push(...its);
    disks.push(...(volumes.length > 0 ? volumes : its).slice(0, mostFound - disks.length));
    storage_controllers.push(shownController(controller, own));
  }
  if (drives.length > 0) return { drives, disks, storage_controllers };
  const simple = await readSimpleStorage(at, system);
  return { drives: simple, disks: disks.length > 0 ? disks : simple, storage_controllers };
}

function diskOf(drive: Resource): FoundDisk[] {
  const size_bytes = sizeAt(drive, 'CapacityBytes');
  if (size_bytes === undefined || textAt(drive, 'Status', 'State') === 'Absent') return [];
  const media = textAt(drive, 'MediaType');
  const facts = {
    model: shortAt(drive, 'Model'),
    vendor: shortAt(drive, 'Manufacturer'),
    serial: shortAt(drive, 'SerialNumber'),
    wwn: wwnOf(drive),
    rotational: media === 'HDD' ? true : media === 'SSD' ? false : undefined,
  };
  return [{ name: shortAt(drive, 'Name') ?? shortAt(drive, 'Id') ?? '', size_bytes, ...known(facts) }];
}

/** Schema Resource, Identifier: `{ DurableNameFormat: 'NAA', DurableName: '32ADF365C6C1B7BD' }`. */
function wwnOf(drive: Resource): string | undefined {
  const naa = objectsAt(drive, 'Identifiers').find((one) => textAt(one, 'DurableNameFormat') === 'NAA');
  const digits = (textAt(naa, 'DurableName') ?? '').replace(/^0x|[:-]/gi, '').toLowerCase();
  return /^([0-9a-f]{16}|[0-9a-f]{32})$/.test(digits) ? `0x${digits}` : undefined;
}

/** A volume that a controller shows for a drive without RAID is that drive, by another name. */
async function readVolumes(at: Reader, controller: Resource): Promise<FoundDisk[]> {
  const volumes = await membersIfAny(at, linkAt(controller, 'Volumes'));
  return volumes.flatMap((volume) => {
    const size_bytes = sizeAt(volume, 'CapacityBytes');
    const isDrive = textAt(volume, 'RAIDType') === 'None' || textAt(volume, 'VolumeType') === 'RawDevice';
    return size_bytes === undefined || isDrive
      ? []
      : [{ name: shortAt(volume, 'Name') ?? shortAt(volume, 'Id') ?? '', size_bytes }];
  });
}

async function readSimpleStorage(at: Reader, system: Resource): Promise<FoundDisk[]> {
  const controllers = (await membersIfAny(at, linkAt(system, 'SimpleStorage'))).slice(0, mostControllers);
  return controllers.flatMap((controller) => objectsAt(controller, 'Devices').flatMap(diskOf)).slice(0, mostFound);
}

const shownDrives = 64;
const shownParts = 16;

function shownController(controller: Resource, drives: readonly Resource[]): JsonObject {
  return {
    id: shortAt(controller, 'Id') ?? '',
    name: shortAt(controller, 'Name') ?? null,
    storage_controllers: objectsAt(controller, 'StorageControllers')
      .slice(0, shownParts)
      .map((part) => ({
        ...{ member_id: shortAt(part, 'MemberId') ?? null, name: shortAt(part, 'Name') ?? null },
        raid_types: wordsAt(part, 'SupportedRAIDTypes'),
        speed_gbps: numberAt(part, 'SpeedGbps') ?? null,
        controller_protocols: wordsAt(part, 'SupportedControllerProtocols'),
        device_protocols: wordsAt(part, 'SupportedDeviceProtocols'),
        ...statusOf(part),
      })),
    drives: drives.slice(0, shownDrives).map(shownDrive),
  };
}

function shownDrive(drive: Resource): JsonObject {
  const text = (name: string) => shortAt(drive, name) ?? null;
  const protocol = shortAt(drive, 'Protocol');
  return {
    ...{ name: text('Name'), size: sizeAt(drive, 'CapacityBytes') ?? null, id: text('Id'), media_type: text('MediaType') },
    ...{ serial_number: text('SerialNumber'), manufacturer: text('Manufacturer'), model: text('Model') },
    ...{ revision: text('Revision'), ...(protocol !== undefined && { protocol }), ...statusOf(drive) },
  };
}

function wordsAt(part: Resource, name: string): string[] {
  return (choicesAt(part, name) ?? []).slice(0, shownParts).map((word) => word.slice(0, 32));
}

function statusOf(part: Resource): JsonObject {
  const status = known({
    health: shortAt(part, 'Status', 'Health'),
    state: shortAt(part, 'Status', 'State'),
    health_rollup: shortAt(part, 'Status', 'HealthRollup'),
  });
  return Object.keys(status).length > 0 ? { status } : {};
}
