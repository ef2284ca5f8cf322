/** RAID volumes: DSP0268 schemas Storage and Volume; DSP0266 "Operation apply time" and "Asynchronous operations". */
import { Fault } from '#domain/faults.ts';
import { RedfishError, type RedfishReply, type Resource } from '#wire/redfish/redfish-client.ts';
import { isTaskDone, pathOfTask, pauseOf } from '#wire/redfish/task-monitor.ts';
import type { OutOfBandRaid, PlannedVolume, RaidInterface, RaidProgress, RaidTask } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import { rootPath, type SystemContext, type WithSystem } from './find-system.ts';
import { readRedfishSettings, redfishProperties } from './properties.ts';
import { isSupported, planVolumes } from './raid-plan.ts';
import { type Creation, creationAt, raidTypes, readControllers, readVolumes, volumeTypes } from './raid-storage.ts';
import { pagesOf, read, wholeMember } from './reading.ts';
import { linkAt, pathAt, samePath, textAt } from './resource-fields.ts';

export type RaidTimes = {
  /** Poll interval in milliseconds, unless the service names one. */
  readonly pauseMs: number;
};
const usualTimes: RaidTimes = { pauseMs: 5_000 };

/** Tasks of a service that are read to find one; services keep some dozens. */
const mostTasks = 200;
/** Of the Base registry: the property is not known, or another one is missing. */
const otherProperty = /\.(PropertyUnknown|PropertyMissing|CreateFailedMissingReqProperties|PropertyNotWritable)$/;

export function createRedfishRaid(withSystem: WithSystem, times: RaidTimes = usualTimes): RaidInterface {
  return {
    properties: redfishProperties,
    validate: (node) => void readRedfishSettings(node),
    applies: { nonroot: false, deletes: false },
    checkConfig,
    outOfBand: outOfBand(withSystem, times),
  };
}

function checkConfig({ logical_disks: disks }: Parameters<RaidInterface['checkConfig']>[0]): void {
  const odd = disks.find(({ raid_level }) => !isSupported(raid_level));
  if (odd) throw refusal(`RAID level ${odd.raid_level} is not supported by the redfish RAID interface.`);
  if (disks.some(({ interface_type }) => interface_type === 'scsi'))
    throw refusal('interface type `scsi` not supported by Redfish RAID');
  if (disks.some(({ physical_disks = [] }) => physical_disks.some((disk) => typeof disk !== 'string')))
    throw refusal('physical_disks must be ids of drives: the redfish RAID interface takes no hints.');
}

function outOfBand(withSystem: WithSystem, times: RaidTimes): OutOfBandRaid {
  return {
    readVolumes: (node, callOptions) => withSystem({ node, callOptions, command: 'read RAID volumes' }, readVolumes),
    plan: (node, wanted, callOptions) =>
      withSystem({ node, callOptions, command: 'read RAID controllers' }, async (at) => {
        const controllers = await readControllers(at);
        if (controllers.length === 0) return await unsupported(node, 'RAID: its BMC shows no controller with volumes');
        return planVolumes(controllers, wanted);
      }),
    create: (node, volume, callOptions) =>
      withSystem({ node, callOptions, command: `create a RAID ${volume.raid_level}` }, (at) => create(at, volume, times)),
    remove: (node, { id }, callOptions) =>
      withSystem({ node, callOptions, command: 'delete a RAID volume' }, (at) => remove(at, id, times)),
    poll: (node, task, callOptions) =>
      withSystem({ node, callOptions, command: `ask for ${task.request}` }, (at) => poll(at, task, times)),
    appliesAtRestart: (node, { at: path }, callOptions) =>
      withSystem({ node, callOptions, command: 'read how RAID volumes are made' }, async (at) => {
        const { applyTime } = await creationAt(at, isCollection(path) ? path : path.slice(0, path.lastIndexOf('/')));
        return applyTime === 'OnReset';
      }),
    find: (node, { at: path }, callOptions) =>
      withSystem({ node, callOptions, command: 'read tasks' }, (at) => findTask(at, path, times)),
  };
}

async function create(at: SystemContext, volume: PlannedVolume, times: RaidTimes): Promise<RaidProgress | undefined> {
  const creation = await creationAt(at, volume.at);
  const post = (byVolumeType: boolean) =>
    at.client.post(volume.at, bodyOf(volume, { ...creation, byVolumeType }), { ...at.callOptions, task: 'accept' });
  const reply = await post(creation.byVolumeType).catch((error: unknown) => {
    // Services of a schema before 1.3.1 know only the other property; they have made nothing.
    if (!isOtherProperty(error) || volumeTypes[volume.raid_level] === undefined) throw error;
    return post(!creation.byVolumeType);
  });
  return begun(reply, { request: `POST ${volume.at}`, creation, times });
}

function bodyOf(volume: PlannedVolume, { applyTime, nameField, byVolumeType }: Creation): Resource {
  const { raid_level, drives, size_bytes, name } = volume;
  const type = (byVolumeType ? volumeTypes : raidTypes)[raid_level];
  if (type === undefined)
    throw refusal(`RAID level ${raid_level} cannot be asked of this BMC, whose schema of volumes is older than RAIDType.`);
  return {
    [byVolumeType ? 'VolumeType' : 'RAIDType']: type,
    ...(size_bytes !== undefined && { CapacityBytes: size_bytes }),
    ...(name !== undefined && nameField && { [nameField]: name }),
    Links: { Drives: drives.map((drive) => ({ '@odata.id': drive })) },
    ...(applyTime && { '@Redfish.OperationApplyTime': applyTime }),
  };
}

function isOtherProperty(error: unknown): boolean {
  return error instanceof RedfishError && error.status === 400 && error.messageIds.some((id) => otherProperty.test(id));
}

async function remove(at: SystemContext, path: string, times: RaidTimes): Promise<RaidProgress | undefined> {
  const creation = await creationAt(at, path.slice(0, path.lastIndexOf('/')));
  const { applyTime } = creation;
  const body = applyTime && { '@Redfish.OperationApplyTime': applyTime };
  try {
    const reply = await at.client.delete(path, { ...at.callOptions, task: 'accept', ...(body && { body }) });
    return begun(reply, { request: `DELETE ${path}`, creation, times });
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

type Begun = { readonly request: string; readonly creation: Creation; readonly times: RaidTimes };

/** What waits for a restart may be answered as done. */
function begun(reply: RedfishReply, { request, creation, times }: Begun): RaidProgress | undefined {
  const needsRestart = creation.applyTime === 'OnReset';
  if (reply.status !== 202 && !needsRestart) return undefined;
  const id = reply.status === 202 ? (pathOfTask(reply) ?? '') : '';
  return { task: { id, request }, againIn: pauseOf(reply, times.pauseMs) / 1000, ...(needsRestart && { needsRestart }) };
}

/** Services forget tasks soon after their end: the volumes then show what came of it. */
async function poll(at: SystemContext, task: RaidTask, times: RaidTimes): Promise<RaidProgress | undefined> {
  if (task.id === '') return undefined;
  try {
    const reply = await at.client.get(task.id, at.callOptions);
    if (isTaskDone(reply, { request: task.request })) return undefined;
    return { task, againIn: pauseOf(reply, times.pauseMs) / 1000 };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof RedfishError && (error.status === 404 || error.status === 410);
}

/** The unfinished task of a request to this path, by the Payload that the service keeps (schema Task 1.3). */
async function findTask(at: SystemContext, path: string, times: RaidTimes): Promise<RaidProgress | undefined> {
  const tasks = linkAt(await read(at, linkAt(await read(at, rootPath), 'Tasks') ?? '/redfish/v1/TaskService'), 'Tasks');
  if (tasks === undefined) return undefined;
  let count = 0;
  for await (const page of pagesOf(at, tasks)) {
    for (const member of page) {
      if (++count > mostTasks) return undefined;
      const task = await wholeMember(at, member);
      const id = linkAt(task);
      const target = pathAt(task, 'Payload', 'TargetUri');
      if (!task || id === undefined || target === undefined || !samePath(target, path)) continue;
      if (isEnded(task)) continue;
      const { applyTime } = await creationAt(at, isCollection(path) ? path : path.slice(0, path.lastIndexOf('/')));
      const request = `${textAt(task, 'Payload', 'HttpOperation') ?? 'request'} ${path}`;
      const againIn = times.pauseMs / 1000;
      return { task: { id, request }, againIn, ...(applyTime === 'OnReset' && { needsRestart: true }) };
    }
  }
  return undefined;
}

function isCollection(path: string): boolean {
  return /\/Volumes\/?$/i.test(path);
}

function isEnded(task: Resource): boolean {
  try {
    return isTaskDone({ status: 200, body: task }, { request: '' });
  } catch {
    return true;
  }
}

function refusal(detail: string): Fault {
  return new Fault('badRequest', { detail });
}
