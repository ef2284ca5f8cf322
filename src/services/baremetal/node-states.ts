/** Power, provision and boot states of a node. */
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Engine } from '#engine/contract.ts';
import type { ProvisionVerb } from '#engine/operations/shown-as.ts';
import { readGivenConfigDrive } from '#images/given-config-drive.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Caller } from '../caller.ts';
import { booleanOf } from '../loose-booleans.ts';
import type { BaremetalContext } from './context.ts';

/** Read from the BMC; if its health is not ok, the last known values, without waiting. Null = unknown. */
export async function readBootState({ engine }: BaremetalContext, { uuid, boot_mode, secure_boot }: Node) {
  const health = engine.bmcHealth(uuid);
  const last = { boot_mode, secure_boot };
  return health && health.state !== 'ok' ? last : engine.bootState(uuid).catch(() => last);
}

/** Ironic's power targets. */
const powerTargetTable: Readonly<Record<string, Parameters<Engine['setPower']>[1]>> = {
  'power on': 'power on',
  'power off': 'power off',
  rebooting: 'reset',
  'soft power off': 'soft power off',
  'soft rebooting': 'soft reset',
};

export function setNodePower({ engine }: BaremetalContext, { uuid }: Node, target: string): Promise<void> {
  return engine.setPower(uuid, powerTarget(target));
}

function powerTarget(asked: string) {
  const target = Object.hasOwn(powerTargetTable, asked) ? powerTargetTable[asked] : undefined;
  if (target) return target;
  throw new Fault('badRequest', {
    detail: `The desired power state '${asked}' is invalid: ${Object.keys(powerTargetTable).join(', ')}.`,
  });
}

type ProvisionRequest = {
  target: string;
  clean_steps?: readonly object[] | null | undefined;
  service_steps?: readonly object[] | null | undefined;
  deploy_steps?: readonly object[] | null | undefined;
  disable_ramdisk?: unknown;
  configdrive?: unknown;
} & Partial<Record<UnsupportedArgument, unknown>>;
type UnsupportedArgument = (typeof unsupportedArguments)[number];
const unsupportedArguments = ['rescue_password', 'runbook'] as const;

type Provision = {
  /** The provision verb that the target stands for. */
  readonly verb: ProvisionVerb;
  readonly request: ProvisionRequest;
  readonly caller: Caller;
  /** Minor microversion of the request. */
  readonly minor: number;
};

export async function setProvisionState({ engine }: BaremetalContext, { uuid }: Node, provision: Provision): Promise<void> {
  const { verb, request, caller } = provision;
  const { target } = request;
  for (const name of unsupportedArguments) {
    if (request[name] !== undefined && request[name] !== null)
      throw new Fault('unsupported', { what: `${name} with '${target}'` });
  }
  const { name, requires } = verb;
  if (requires && !isGiven(request[requires]))
    throw new Fault('badRequest', { detail: `"${requires}" is required when setting target provision state to ${name}` });
  const configdrive = await readConfigDrive(provision);
  await engine.setProvisionState(uuid, name, {
    ...readStepArguments(provision),
    ...(configdrive && { configdrive }),
    user: { project_id: caller.project_id, is_admin: caller.is_admin || caller.system_scope === 'all' },
  });
}

/** An empty list is none, as in Ironic. */
function isGiven(steps: unknown): boolean {
  return Array.isArray(steps) && steps.length > 0;
}

/** The verb that takes each, with the minor microversion that brought `disable_ramdisk` there. */
const deployStepsSince = 69;
const disableRamdiskSince: Readonly<Record<string, number>> = { clean: 70, service: 108 };

function readStepArguments({ verb, request, minor }: Provision) {
  const { clean_steps, service_steps, deploy_steps, disable_ramdisk } = request;
  const refuse = (detail: string) => new Fault('badRequest', { detail });
  for (const [name, steps] of [
    ['clean', clean_steps],
    ['service', service_steps],
  ] as const) {
    if (isGiven(steps) && verb.name !== name)
      throw refuse(`"${name}_steps" is only valid when setting target provision state to ${name}`);
  }
  if (isGiven(deploy_steps) && minor < deployStepsSince)
    throw new Fault('notAcceptable', {
      detail: `Request not acceptable. The minimal required API version should be 1.${deployStepsSince}`,
    });
  // As in Ironic, whose later names of the verbs do not take them.
  if (isGiven(deploy_steps) && !['active', 'rebuild'].includes(request.target))
    throw refuse('"deploy_steps" is only valid when setting target provision state to active or rebuild');
  const since = disableRamdiskSince[verb.name];
  const isNamed = disable_ramdisk !== undefined && disable_ramdisk !== null;
  const isDisabled = isNamed ? booleanOf('disable_ramdisk', disable_ramdisk as string | boolean) : undefined;
  if (isDisabled !== undefined && since === undefined)
    throw refuse('disable_ramdisk is supported only with manual cleaning or servicing');
  if (isDisabled !== undefined && minor < (since ?? 0))
    throw new Fault('notAcceptable', { detail: 'disable_ramdisk is not acceptable in this API version' });
  return {
    ...(clean_steps && { clean_steps }),
    ...(service_steps && { service_steps }),
    ...(isGiven(deploy_steps) && { deploy_steps }),
    ...(isDisabled !== undefined && { disable_ramdisk: isDisabled }),
  };
}

/** The verbs that take one, each with the minor microversion that brought it. */
const configDriveSince: Readonly<Record<string, number>> = { active: 1, rebuild: 35 };
/** Before, it was a text. */
const documentsSince = 56;

const longestUrl = 2048;

/** An empty one is none, as in Ironic. */
async function readConfigDrive({ verb, request, minor }: Provision): Promise<JsonObject | undefined> {
  const { configdrive } = request;
  if (configdrive === undefined || configdrive === null || configdrive === '') return undefined;
  const refuse = (detail: string) => new Fault('badRequest', { detail });
  const since = configDriveSince[verb.name];
  if (since === undefined || minor < since)
    throw refuse('Adding a config drive is only supported when setting provision state to active or rebuild');
  if (typeof configdrive === 'string') {
    if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(configdrive)) return checked({ iso: configdrive });
    if (!/^https?:\/\//i.test(configdrive) || !URL.canParse(configdrive) || configdrive.length > longestUrl)
      throw refuse('The URL of a config drive must be one of http or https.');
    return { url: configdrive };
  }
  if (minor < documentsSince)
    throw refuse(`Providing a JSON object for configdrive is only supported starting with API version 1.${documentsSince}`);
  if (typeof configdrive !== 'object' || Array.isArray(configdrive) || 'iso' in configdrive || 'url' in configdrive)
    throw refuse('The config drive must be a base64 text or an object of documents.');
  return checked(configdrive as JsonObject);
}

/** @throws Fault `badRequest` before the machine is touched */
async function checked(document: JsonObject): Promise<JsonObject> {
  await readGivenConfigDrive(document);
  return document;
}
