/** A RAID controller with four drives, where the profile has one. DSP0268: Storage v1, Drive v1, Volume v1. */
import { RedfishRefusal, type Resource } from './messages.ts';
import type { Route, WriteCall } from './route.ts';
import {
  type Answer,
  type Call,
  collection,
  expectChoice,
  expectObject,
  expectText,
  head,
  healthy,
  link,
  missing,
} from './route.ts';
import type { ServiceState, Volume } from './service-state.ts';
import { taskAnswer } from './task-routes.ts';

const controllerId = 'RAID.1';
const driveBytes = 10 ** 12;
const driveIds = ['Disk.0', 'Disk.1', 'Disk.2', 'Disk.3'];
/** Drives of a volume: at least; and how many of them hold no data of their own. */
const levelTable: Readonly<Record<string, { readonly least: number; overhead(count: number): number }>> = {
  RAID0: { least: 1, overhead: () => 0 },
  RAID1: { least: 2, overhead: () => 1 },
  RAID5: { least: 3, overhead: () => 1 },
  RAID10: { least: 4, overhead: (count) => count / 2 },
};

export function storageRoutes({ paths, shape }: ServiceState): Route[] {
  if (shape.volumes === 'none') return [];
  const { storage } = paths;
  const raid = `${storage}/${controllerId}`;
  return [
    { kind: 'storages', path: storage, get: () => collection(storage, 'Storage', [raid]) },
    { kind: 'storage', path: raid, get: () => describeController(raid) },
    { kind: 'drive', path: `${raid}/Drives/{}`, get: (call) => describeDrive(call, raid) },
    {
      kind: 'volumes',
      path: `${raid}/Volumes`,
      writer: 'administrator',
      get: ({ state }) => ({
        ...collection(
          `${raid}/Volumes`,
          'Volume',
          [...state.volumes.keys()].map((id) => `${raid}/Volumes/${id}`),
        ),
        '@Redfish.OperationApplyTimeSupport': {
          '@odata.type': '#Settings.v1_3_3.OperationApplyTimeSupport',
          SupportedValues: [shape.volumes],
        },
      }),
      post: (call) => create(call, raid),
    },
    {
      kind: 'volume',
      path: `${raid}/Volumes/{}`,
      writer: 'administrator',
      get: (call) => describeVolume(call, raid),
      delete: remove,
    },
  ];
}

function describeController(raid: string): Resource {
  const controller = {
    '@odata.id': `${raid}#/StorageControllers/0`,
    MemberId: '0',
    Name: 'RAID controller',
    SupportedRAIDTypes: Object.keys(levelTable),
    Status: healthy,
  };
  return {
    ...head(raid, 'Storage.v1_10_0.Storage', 'RAID controller'),
    StorageControllers: [controller],
    'StorageControllers@odata.count': 1,
    Drives: driveIds.map((id) => link(`${raid}/Drives/${id}`)),
    'Drives@odata.count': driveIds.length,
    Volumes: link(`${raid}/Volumes`),
    Status: healthy,
  };
}

function describeDrive(call: Call, raid: string): Resource {
  const [id = ''] = call.ids;
  if (!driveIds.includes(id)) throw missing(call);
  const holders = [...call.state.volumes].filter(([, { drives }]) => drives.includes(id));
  return {
    ...head(`${raid}/Drives/${id}`, 'Drive.v1_13_0.Drive', `Drive ${id}`),
    ...{ CapacityBytes: driveBytes, MediaType: 'HDD', Protocol: 'SAS', HotspareType: 'None', FailurePredicted: false },
    Links: { Volumes: holders.map(([volume]) => link(`${raid}/Volumes/${volume}`)) },
    Status: healthy,
  };
}

function describeVolume(call: Call, raid: string): Resource {
  const [id = ''] = call.ids;
  const volume = call.state.volumes.get(id);
  if (!volume) throw missing(call);
  const { name, raidType, bytes, drives } = volume;
  return {
    ...head(`${raid}/Volumes/${id}`, 'Volume.v1_6_2.Volume', name),
    ...{ RAIDType: raidType, CapacityBytes: bytes },
    Identifiers: [{ DurableNameFormat: 'NAA', DurableName: `6000${id.padStart(12, '0')}` }],
    Links: { Drives: drives.map((drive) => link(`${raid}/Drives/${drive}`)), 'Drives@odata.count': drives.length },
    Status: healthy,
  };
}

function create({ state, body }: WriteCall, raid: string): Answer {
  const volume = readVolume(state, { body, raid });
  const make = () => {
    state.volumes.set(String(Math.max(0, ...[...state.volumes.keys()].map(Number)) + 1), volume);
  };
  const { shape, tasks } = state;
  const payload = { TargetUri: `${raid}/Volumes`, HttpOperation: 'POST' };
  // From now on: the machine may be restarted before the task's work begins.
  const started = shape.volumes === 'OnReset' ? state.nextStart() : undefined;
  const work = started ? () => started.then(make) : make;
  return taskAnswer(state, tasks.begin(`Creation of ${volume.name}`, shape.taskMs, work, payload));
}

function readVolume({ volumes }: ServiceState, { body, raid }: { body: Resource; raid: string }): Volume {
  const raidType = expectChoice('RAIDType', body['RAIDType'], Object.keys(levelTable));
  const drives = readDrives(body, raid);
  const used = drives.find((id) => [...volumes.values()].some((volume) => volume.drives.includes(id)));
  if (used !== undefined) throw new RedfishRefusal('GeneralError', [`the drive ${used} is in use`]);
  const { least, overhead } = levelTable[raidType] ?? { least: Number.POSITIVE_INFINITY, overhead: () => 0 };
  if (drives.length < least) throw new RedfishRefusal('GeneralError', [`${raidType} needs ${least} drives`]);
  const most = driveBytes * (drives.length - overhead(drives.length));
  const bytes = body['CapacityBytes'] ?? most;
  if (typeof bytes !== 'number' || bytes <= 0 || bytes > most)
    throw new RedfishRefusal('PropertyValueFormatError', [JSON.stringify(bytes), 'CapacityBytes']);
  return { name: expectText('Name', body['Name'] ?? `${raidType} of ${drives.length}`), raidType, bytes, drives };
}

function readDrives(body: Resource, raid: string): string[] {
  const { Drives: drives } = expectObject('Links', body['Links']);
  if (!Array.isArray(drives) || drives.length === 0) throw new RedfishRefusal('PropertyMissing', ['Links/Drives']);
  return drives.map((drive) => {
    const path = expectText('@odata.id', expectObject('Drives', drive)['@odata.id']);
    const id = path.slice(`${raid}/Drives/`.length);
    if (path === `${raid}/Drives/${id}` && driveIds.includes(id)) return id;
    throw new RedfishRefusal('PropertyValueNotInList', [path, 'Drives']);
  });
}

function remove(call: Call): void {
  const { state, ids } = call;
  const [id = ''] = ids;
  if (!state.volumes.has(id)) throw missing(call);
  if (state.shape.volumes === 'OnReset') void state.nextStart().then(() => state.volumes.delete(id));
  else state.volumes.delete(id);
}
