/** Power, provision and boot states of a node. */
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Engine } from '#engine/contract.ts';
import type { ProvisionVerb } from '#engine/operations/shown-as.ts';
import { readGivenConfigDrive } from '#images/given-config-drive.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Caller } from '../caller.ts';
import type { BaremetalContext } from './context.ts';
import { isGiven, readProvisionSteps, type StepArguments, type StepRights } from './provision-steps.ts';

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

type ProvisionRequest = StepArguments & { configdrive?: unknown; rescue_password?: unknown };

type Provision = {
  /** The provision verb that the target stands for. */
  readonly verb: ProvisionVerb;
  readonly request: ProvisionRequest;
  readonly caller: Caller;
  readonly rights: StepRights;
  /** Minor microversion of the request. */
  readonly minor: number;
};

export async function setProvisionState({ engine }: BaremetalContext, { uuid }: Node, provision: Provision): Promise<void> {
  const { verb, request, caller, minor, rights } = provision;
  const { name, requires } = verb;
  if (request.rescue_password !== undefined && request.rescue_password !== null)
    throw new Fault('unsupported', { what: `rescue_password with '${request.target}'` });
  const steps = readProvisionSteps({ verb: name, given: request, minor, rights });
  if (requires && !steps.runbook && !isGiven(request[requires]))
    throw new Fault('badRequest', { detail: `"${requires}" is required when setting target provision state to ${name}` });
  const configdrive = await readConfigDrive(provision);
  await engine.setProvisionState(uuid, name, {
    ...steps,
    ...(configdrive && { configdrive }),
    // As in Ironic, which asks the image service with the requester's token: a service uses the images that it sees itself.
    user: { project_id: caller.project_id, is_admin: caller.is_admin || caller.system_scope === 'all' },
  });
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
