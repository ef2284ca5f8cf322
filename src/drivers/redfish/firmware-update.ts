/**
 * Firmware updates: the service pulls an image (SimpleUpdate), or the image is pushed (multipart, else plain push).
 * DSP0268 schema UpdateService.
 */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Fault } from '#domain/faults.ts';
import { RedfishError, type RedfishReply, type Resource, unusableReplies } from '#wire/redfish/redfish-client.ts';
import { secretsIn } from '#wire/redfish/reply.ts';
import { hasTaskFailed, isTaskDone, pathOfTask, pauseOf, tooSlow } from '#wire/redfish/task-monitor.ts';
import type { FirmwareProgress, FirmwareUpdate, StartedUpdate } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import type { SystemContext } from './find-system.ts';
import { type InstalledComponent, readInventory, readUpdateService } from './firmware-inventory.ts';
import { readIfAny } from './reading.ts';
import { choicesAt, objectsAt, pathAt, samePath, textAt } from './resource-fields.ts';
import { withoutSecrets } from './without-secrets.ts';

export type UpdateTimes = {
  /** Timeout of the task in milliseconds; BMCs that write flash memory need up to half an hour. */
  readonly taskMs: number;
  /** Poll interval. */
  readonly pauseMs: number;
};
export const usualTimes: UpdateTimes = { taskMs: 3_600_000, pauseMs: 5_000 };

const action = '#UpdateService.SimpleUpdate';
/** Errors for an unknown parameter; Base registry. */
const unknownParameter = /\.(ActionParameterUnknown|PropertyUnknown)$/;
/** Proprietary upload form of iLO, with the session key as a cookie: HPE iLO 5 API reference, "HttpPushUri". */
const ownForm = '/cgi-bin/uploadFile';

/** Sends the update. Success means, for some components, staged for the next boot. */
export async function startUpdate(
  at: SystemContext,
  update: FirmwareUpdate,
  times: UpdateTimes,
): Promise<FirmwareProgress | undefined> {
  const service = await readUpdateService(at);
  if (!service) return await unsupported(at.node, 'firmware updates');
  if (service['ServiceEnabled'] === false)
    throw new Fault('conflict', { detail: 'The update service of this BMC is switched off.' });
  const target = await findTarget(at, update.component);
  const { request, reply } = await ('url' in update
    ? pull(at, service, { url: update.url, target })
    : push(at, service, { path: update.path, target }));
  const id = reply.status === 202 ? pathOfTask(reply) : undefined;
  if (id === undefined) return undefined;
  return { task: { id, request }, againIn: secondsUntilPoll(reply, { request, elapsed: 0, times }) };
}

/** @throws Fault `badRequest` listing the existing components */
async function findTarget(at: SystemContext, component: string | undefined): Promise<InstalledComponent | undefined> {
  if (component === undefined) return undefined;
  const components = await readInventory(at);
  const found = components.find((one) => one.component === component);
  if (!found) {
    const names = components.map((one) => one.component).join(', ');
    throw new Fault('badRequest', { detail: `There is no firmware component '${component}'; there are: ${names || 'none'}.` });
  }
  if (!found.updateable && found.target !== undefined) {
    throw new Fault('badRequest', { detail: `The BMC reports that its component '${component}' cannot be updated.` });
  }
  return found;
}

type Started = { readonly request: string; readonly reply: RedfishReply };

async function pull(
  at: SystemContext,
  service: Resource,
  { url, target }: { url: string; target: InstalledComponent | undefined },
): Promise<Started> {
  const path = pathAt(service, 'Actions', action, 'target');
  if (path === undefined) return await unsupported(at.node, 'firmware update by URL');
  const image = readImageUrl(url);
  const allowed = await allowedIn(at, service, 'TransferProtocol');
  if (allowed && !allowed.includes(image.TransferProtocol)) {
    throw new Fault('badRequest', {
      detail: `This BMC fetches firmware by ${allowed.join(', ')}, not by ${image.TransferProtocol}.`,
    });
  }
  const targets = chooseTargets(at, target, await allowedIn(at, service, 'Targets'));
  const request = { ...at.callOptions, task: 'accept' } as const;
  const post = (more: Resource) => at.client.post(path, { ...image, ...more }, request);
  const reply = await (targets.length === 0 ? post({}) : post({ Targets: targets })).catch((error) => {
    // The image identifies its component; the target only guards against a mistake.
    if (targets.length > 0 && refusesTargets(error)) return post({});
    throw error;
  });
  return { request: `POST ${path}`, reply };
}

/** User and password of the URL are sent as separate parameters, so that the BMC does not log them with the URL. */
function readImageUrl(url: string): { ImageURI: string; TransferProtocol: string; Username?: string; Password?: string } {
  if (!URL.canParse(url)) throw new Fault('badRequest', { detail: 'The firmware URL is no URL.' });
  const parsed = new URL(url);
  const [user, password] = [decoded(parsed.username), decoded(parsed.password)];
  parsed.username = '';
  parsed.password = '';
  return {
    ImageURI: user === '' && password === '' ? url : parsed.href,
    TransferProtocol: parsed.protocol.replace(':', '').toUpperCase(),
    ...(user !== '' && { Username: user }),
    ...(password !== '' && { Password: password }),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Fault('badRequest', { detail: 'User and password in the firmware URL are not percent-encoded as they must be.' });
  }
}

/** From the annotation of the action, else from its ActionInfo. DSP0268 schema ActionInfo. */
async function allowedIn(at: SystemContext, service: Resource, parameter: string): Promise<string[] | undefined> {
  const annotated = choicesAt(service, 'Actions', action, `${parameter}@Redfish.AllowableValues`);
  if (annotated) return annotated;
  const info = await readIfAny(at, pathAt(service, 'Actions', action, '@Redfish.ActionInfo'));
  const row = objectsAt(info, 'Parameters').find((one) => textAt(one, 'Name') === parameter);
  return choicesAt(row, 'AllowableValues');
}

/** The inventory entry, or the system or manager if there is none (sushy-tools); limited to the allowable values. */
function chooseTargets(
  at: SystemContext,
  target: InstalledComponent | undefined,
  allowed: readonly string[] | undefined,
): string[] {
  if (!target) return [];
  const owner = { bios: at.paths.system, bmc: at.paths.managers[0] }[target.component];
  const wanted = [target.target, owner].filter((path) => path !== undefined);
  const fitting = allowed ? allowed.filter((path) => wanted.some((one) => samePath(one, path))) : wanted;
  return fitting.slice(0, 1);
}

function refusesTargets(error: unknown): boolean {
  return error instanceof RedfishError && error.messageIds.some((id) => unknownParameter.test(id));
}

async function push(
  at: SystemContext,
  service: Resource,
  { path, target }: { path: string; target: InstalledComponent | undefined },
): Promise<Started> {
  const size = await sizeOf(path, service);
  const targets = chooseTargets(at, target, undefined);
  const request = { ...at.callOptions, task: 'accept' } as const;
  const multipart = pathAt(service, 'MultipartHttpPushUri');
  if (multipart !== undefined) {
    // An empty list lets the image decide; iDRAC always requires the list.
    const parts = [
      { name: 'UpdateParameters', json: { Targets: targets } },
      { name: 'UpdateFile', file: basename(path), path, size },
    ];
    return { request: `POST ${multipart}`, reply: await at.client.upload(multipart, parts, request) };
  }
  const plain = pathAt(service, 'HttpPushUri');
  if (plain === undefined || plain === ownForm) return await unsupported(at.node, 'firmware update by upload (use a URL)');
  return { request: `POST ${plain}`, reply: await at.client.push(plain, { path, size }, request) };
}

async function sizeOf(path: string, service: Resource): Promise<number> {
  const file = await stat(path).catch(() => undefined);
  if (!file?.isFile()) throw new Fault('badRequest', { detail: 'The firmware file cannot be read.' });
  const most = service['MaxImageSizeBytes'];
  if (typeof most === 'number' && most > 0 && file.size > most) {
    throw new Fault('badRequest', { detail: `The firmware file has ${file.size} bytes; this BMC takes at most ${most}.` });
  }
  return file.size;
}

/** `onFailed`: called if the BMC reports a failure after which it is not at work any more. */
export type Polling = { readonly times: UpdateTimes; readonly onFailed: () => void };

/**
 * Reads the task once. A BMC that updates itself goes offline meanwhile, and many delete a task at its end: the installed
 * version then shows the result.
 */
export async function pollUpdate(
  at: SystemContext,
  started: StartedUpdate,
  { times, onFailed }: Polling,
): Promise<FirmwareProgress | undefined> {
  const { update, task } = started;
  const { request } = task;
  const secrets = 'url' in update ? secretsIn({ ImageURI: update.url }) : [];
  try {
    const reply = await readTask(at, started);
    if (hasTaskFailed(reply)) onFailed();
    if (isTaskDone(reply, { request })) return undefined;
    const againIn = secondsUntilPoll(reply, { request, elapsed: started.elapsed, times });
    return { task: reply.isSilent ? { ...task, isRestarting: true } : task, againIn };
  } catch (error) {
    throw withoutSecrets(error, secrets);
  }
}

type Polled = { request: string; elapsed: number; times: UpdateTimes };

/** Throws if the task takes too long. */
function secondsUntilPoll(reply: Pick<RedfishReply, 'headers' | 'body'>, { request, elapsed, times }: Polled): number {
  const wait = pauseOf(reply, times.pauseMs);
  if (elapsed * 1000 + wait > times.taskMs) throw tooSlow({ request }, reply.body, times.taskMs);
  return wait / 1000;
}

type TaskReply = Pick<RedfishReply, 'status' | 'headers' | 'body'> & { isSilent: boolean };

async function readTask(at: SystemContext, started: StartedUpdate): Promise<TaskReply> {
  const { id, isRestarting = false } = started.task;
  try {
    return { ...(await at.client.get(id, at.callOptions)), isSilent: isRestarting };
  } catch (error) {
    if (isGone(error)) return { status: 200, headers: {}, body: await judgeByVersion(at, started), isSilent: false };
    if (!isRestart(error, isRestarting)) throw error;
    return { status: 202, headers: {}, body: {}, isSilent: true };
  }
}

function isRestart(error: unknown, wasSilent: boolean): boolean {
  if (!(error instanceof RedfishError)) return false;
  return error.failure === 'silent' || error.status === 503 || (wasSilent && unusableReplies.includes(error.failure));
}

function isGone(error: unknown): boolean {
  return error instanceof RedfishError && (error.status === 404 || error.status === 410);
}

async function judgeByVersion(at: SystemContext, { update, task, versions }: StartedUpdate): Promise<Resource> {
  const { component: named } = update;
  const known = (await readInventory(at)).filter(({ component }) => Object.hasOwn(versions, component));
  const judged = known.filter(({ component }) => named === undefined || component === named);
  if (judged.some(({ component, version }) => version !== versions[component])) return {};
  const [same] = named === undefined ? [] : judged;
  const detail = `the BMC dropped the update before it reported its result${same ? `; ${named} is still ${same.version}` : ''}`;
  throw new RedfishError('answered', { request: task.request, detail });
}
