/** What a machine's RAID controllers have: drives and volumes. DSP0268 schemas Storage, StorageController, Drive, Volume. */
import type { RaidLevel } from '#domain/raid.ts';
import { linkOf } from '#wire/redfish/links.ts';
import { type Json, RedfishError, type Resource } from '#wire/redfish/redfish-client.ts';
import type { RaidVolume } from '../interfaces.ts';
import type { SystemContext } from './find-system.ts';
import { membersIfAny, type Reader, readAll, readIfAny, unlessAbsent } from './reading.ts';
import { choicesAt, linkAt, linksAt, numberAt, objectsAt, textAt, textsAt, wordAt } from './resource-fields.ts';

/** Per machine, and per controller. */
const mostControllers = 32;
const mostDrives = 512;
const mostVolumes = 512;

export type Drive = {
  /** Its path. */
  readonly id: string;
  /** As operators name it in `physical_disks`. */
  readonly name: string;
  readonly size_bytes: number;
  readonly media: 'hdd' | 'ssd' | undefined;
  /** `SAS`, `SATA`, `NVMe`. */
  readonly protocol: string | undefined;
  readonly isUsable: boolean;
};

export type Controller = {
  /** As operators name it in `controller`. */
  readonly name: string;
  /** Path of its Volumes. */
  readonly at: string;
  readonly drives: readonly Drive[];
  readonly volumes: readonly RaidVolume[];
  /** RAIDTypes; undefined: not reported. */
  readonly raidTypes: readonly string[] | undefined;
  readonly creation: Creation;
};

/** How the controller takes volumes. */
export type Creation = {
  readonly applyTime: 'Immediate' | 'OnReset' | undefined;
  /** Property for the name of a new volume. */
  readonly nameField: 'Name' | 'DisplayName' | undefined;
  readonly takesSize: boolean;
  /** By a service of Volume before 1.3.1, which has no RAIDType. */
  readonly byVolumeType: boolean;
};

/** RAIDType of the schema Volume (1.3.1). */
export const raidTypes: Readonly<Partial<Record<RaidLevel, string>>> = {
  '0': 'RAID0',
  '1': 'RAID1',
  '5': 'RAID5',
  '6': 'RAID6',
  '1+0': 'RAID10',
  '5+0': 'RAID50',
  '6+0': 'RAID60',
};
const levelTable: Readonly<Record<string, RaidLevel>> = Object.fromEntries(
  Object.entries(raidTypes).map(([level, type]) => [type, level as RaidLevel]),
);

/** VolumeType of the schema Volume (1.0), for services without RAIDType; `RawDevice` is a drive that is passed through. */
export const volumeTypes: Readonly<Partial<Record<RaidLevel, string>>> = {
  '0': 'NonRedundant',
  '1': 'Mirrored',
  '5': 'StripedWithParity',
  '1+0': 'SpannedMirrors',
  '5+0': 'SpannedStripesWithParity',
};
const formerLevels: Readonly<Record<string, RaidLevel>> = Object.fromEntries(
  Object.entries(volumeTypes).map(([level, type]) => [type, level as RaidLevel]),
);

/** Storage of the machine's system that can have volumes. */
async function storageOf(at: SystemContext): Promise<Resource[]> {
  const { body: system } = await at.system();
  const found = await membersIfAny(at, linkAt(system, 'Storage'));
  return found.filter((storage) => linkAt(storage, 'Volumes') !== undefined).slice(0, mostControllers);
}

export async function readVolumes(at: SystemContext): Promise<RaidVolume[]> {
  const volumes: RaidVolume[] = [];
  for (const storage of await storageOf(at)) volumes.push(...(await volumesOf(at, storage)).map(({ volume }) => volume));
  return volumes;
}

type Found = { readonly volume: RaidVolume; readonly resource: Resource };

async function volumesOf(reader: Reader, storage: Resource): Promise<Found[]> {
  const members = await allMembers(reader, linkAt(storage, 'Volumes') ?? '');
  return members.flatMap((resource) => {
    const volume = toVolume(storage, resource);
    return volume ? [{ volume, resource }] : [];
  });
}

/** A volume that is not readable is not gone. */
async function allMembers({ client, callOptions }: Reader, path: string): Promise<Resource[]> {
  const left: string[] = [];
  const strict = { ...callOptions, notice: (message: string) => void left.push(message) };
  const members = (await unlessAbsent({ callOptions }, () => client.members(path, strict))) ?? [];
  if (left[0] !== undefined) throw new RedfishError('unfit', { request: `GET ${path}`, detail: left[0] });
  if (members.length <= mostVolumes) return members;
  throw new RedfishError('unfit', { request: `GET ${path}`, detail: `more than ${mostVolumes} volumes` });
}

function toVolume(storage: Resource, resource: Resource): RaidVolume | undefined {
  const id = linkOf(resource as Json);
  if (id === undefined) return undefined;
  const name = wordAt(resource, 'DisplayName') ?? wordAt(resource, 'Name') ?? lastOf(id);
  const level = levelOf(resource);
  const hint = hintOf(resource);
  const durable_name = objectsAt(resource, 'Identifiers')
    .map((one) => wordAt(one, 'DurableName'))[0]
    ?.slice(0, 255);
  const drives = linksAt(resource, 'Links', 'Drives').slice(0, mostDrives);
  return {
    ...{ id, name: name.slice(0, 255), controller: nameOf(storage), size_bytes: numberAt(resource, 'CapacityBytes') ?? 0 },
    ...(level && { raid_level: level }),
    ...(durable_name !== undefined && { durable_name }),
    ...(hint && { root_device_hint: hint }),
    ...(drives.length > 0 && { drives }),
  };
}

function levelOf(resource: Resource): RaidLevel | undefined {
  const type = textAt(resource, 'RAIDType');
  if (type !== undefined) return Object.hasOwn(levelTable, type) ? levelTable[type] : undefined;
  const former = textAt(resource, 'VolumeType') ?? '';
  return Object.hasOwn(formerLevels, former) ? formerLevels[former] : undefined;
}

/** By its world wide name, which Linux has for 64 bits without the extension, and for 128 with it. */
function hintOf(resource: Resource): RaidVolume['root_device_hint'] {
  const named = objectsAt(resource, 'Identifiers').find((one) => textAt(one, 'DurableNameFormat') === 'NAA');
  const digits = (textAt(named, 'DurableName') ?? '')
    .replace(/^(naa\.|0x)/i, '')
    .replace(/[\s:-]/g, '')
    .toLowerCase();
  if (/^[0-9a-f]{16}$/.test(digits)) return { wwn: `0x${digits}` };
  return /^[0-9a-f]{32}$/.test(digits) ? { wwn_with_extension: `0x${digits}` } : undefined;
}

function nameOf(storage: Resource): string {
  return (wordAt(storage, 'Id') ?? lastOf(linkOf(storage as Json) ?? '')).slice(0, 255);
}

export function lastOf(path: string): string {
  return path.split('/').filter(Boolean).at(-1) ?? path;
}

/** With their drives: for a plan. */
export async function readControllers(at: SystemContext): Promise<Controller[]> {
  const controllers: Controller[] = [];
  for (const storage of await storageOf(at)) {
    const volumes = await volumesOf(at, storage);
    const drives = await readAll(at, linksAt(storage, 'Drives').slice(0, mostDrives));
    controllers.push({
      name: nameOf(storage),
      at: linkAt(storage, 'Volumes') ?? '',
      drives: drives.map(toDrive),
      volumes: volumes.map(({ volume }) => volume),
      ...(await readCreation(at, { storage, volumes })),
    });
  }
  return controllers;
}

function toDrive(resource: Resource): Drive {
  const id = linkOf(resource as Json) ?? '';
  const media = textAt(resource, 'MediaType');
  const isSpare = !['None', undefined].includes(textAt(resource, 'HotspareType'));
  const isThere = ['Enabled', 'StandbyOffline', undefined].includes(textAt(resource, 'Status', 'State'));
  const isSound = textAt(resource, 'Status', 'Health') !== 'Critical' && resource['FailurePredicted'] !== true;
  return {
    ...{ id, name: wordAt(resource, 'Id') ?? lastOf(id), size_bytes: numberAt(resource, 'CapacityBytes') ?? 0 },
    media: media === 'HDD' ? 'hdd' : media === 'SSD' ? 'ssd' : undefined,
    protocol: textAt(resource, 'Protocol'),
    isUsable: isThere && isSound && !isSpare,
  };
}

/** An empty list is that of a controller without RAID. */
async function raidTypesOf(reader: Reader, storage: Resource): Promise<readonly string[] | undefined> {
  const own = objectsAt(storage, 'StorageControllers');
  const members = own.length > 0 ? own : await membersIfAny(reader, linkAt(storage, 'Controllers'));
  const lists = members.slice(0, mostControllers).flatMap((one) => {
    const types = textsAt(one, 'SupportedRAIDTypes');
    return types ? [types] : [];
  });
  return lists.length > 0 ? [...new Set(lists.flat())] : undefined;
}

type Asked = { readonly storage: Resource; readonly volumes: readonly Found[] };

async function readCreation(reader: Reader, { storage, volumes }: Asked): Promise<Pick<Controller, 'raidTypes' | 'creation'>> {
  const collection = await readIfAny(reader, linkAt(storage, 'Volumes'));
  const capabilities = await readCapabilities(reader, collection);
  const allowed = choicesAt(capabilities, 'RAIDType@Redfish.AllowableValues');
  const creation = toCreation(collection, { capabilities, volumes: volumes.map(({ resource }) => resource) });
  return { raidTypes: allowed ?? (await raidTypesOf(reader, storage)), creation };
}

/** @param path of the collection */
export async function creationAt(reader: Reader, path: string): Promise<Creation> {
  const collection = await readIfAny(reader, path);
  const capabilities = await readCapabilities(reader, collection);
  const volumes = capabilities ? [] : await membersIfAny(reader, path);
  return toCreation(collection, { capabilities, volumes });
}

type Known = { readonly capabilities: Resource | undefined; readonly volumes: readonly Resource[] };

/** DSP0266 sections "Resource capabilities" and "Operation apply time". */
function toCreation(collection: Resource | undefined, { capabilities, volumes }: Known): Creation {
  const times = textsAt(collection, '@Redfish.OperationApplyTimeSupport', 'SupportedValues') ?? [];
  const takes = (name: string) => capabilities === undefined || isTaken(capabilities, name);
  const nameField = takes('Name') ? 'Name' : 'DisplayName';
  const isFormer = volumes.some((volume) => 'VolumeType' in volume && !('RAIDType' in volume));
  const byVolumeType = capabilities ? !isTaken(capabilities, 'RAIDType') && isTaken(capabilities, 'VolumeType') : isFormer;
  return {
    applyTime: (['Immediate', 'OnReset'] as const).find((time) => times.includes(time)),
    nameField: takes(nameField) ? nameField : undefined,
    takesSize: takes('CapacityBytes') || takes('Capacity'),
    byVolumeType,
  };
}

async function readCapabilities(reader: Reader, collection: Resource | undefined): Promise<Resource | undefined> {
  const rows = objectsAt(collection, '@Redfish.CollectionCapabilities', 'Capabilities');
  const row = rows.find((one) => /^Volume(Creation|\s*Create)/i.test(textAt(one, 'UseCase') ?? '')) ?? rows[0];
  const found = await readIfAny(reader, linkAt(row, 'CapabilitiesObject'));
  // An object without annotations says nothing.
  return found && Object.keys(found).some((name) => /@Redfish\.(Required|Optional)OnCreate$/.test(name)) ? found : undefined;
}

function isTaken(capabilities: Resource, name: string): boolean {
  const annotations = ['RequiredOnCreate', 'OptionalOnCreate', 'AllowableValues', 'SetOnlyOnCreate'];
  return annotations.some((annotation) => `${name}@Redfish.${annotation}` in capabilities);
}
