/** Power, provision and boot states of a node. */
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Engine } from '#engine/contract.ts';
import type { ProvisionVerb } from '#engine/operations/shown-as.ts';
import type { Node } from '#store/tables/nodes.ts';
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
};

export function setNodePower({ engine }: BaremetalContext, { uuid }: Node, target: string): Promise<void> {
  return engine.setPower(uuid, powerTarget(target));
}

function powerTarget(asked: string) {
  const target = Object.hasOwn(powerTargetTable, asked) ? powerTargetTable[asked] : undefined;
  if (target) return target;
  if (asked === 'soft rebooting')
    throw new Fault('unsupported', { what: 'A soft reboot of a node (reboot its server softly instead)' });
  throw new Fault('badRequest', {
    detail: `The desired power state '${asked}' is invalid: ${Object.keys(powerTargetTable).join(', ')}.`,
  });
}

type ProvisionRequest = { target: string; clean_steps?: readonly object[] | undefined } & Partial<
  Record<UnsupportedArgument, unknown>
>;
type UnsupportedArgument = (typeof unsupportedArguments)[number];
const unsupportedArguments = ['configdrive', 'deploy_steps', 'rescue_password', 'service_steps', 'runbook'] as const;

/** @param verb the provision verb that the target stands for */
export async function setProvisionState(
  { engine }: BaremetalContext,
  { uuid }: Node,
  { verb, request }: { verb: ProvisionVerb; request: ProvisionRequest },
): Promise<void> {
  const { target, clean_steps } = request;
  for (const name of unsupportedArguments) {
    if (request[name] !== undefined && request[name] !== null)
      throw new Fault('unsupported', { what: `${name} with '${target}'` });
  }
  const { name, requires } = verb;
  if (requires && !request[requires]?.length)
    throw new Fault('badRequest', { detail: `${requires} is required when setting target provision state to ${name}` });
  await engine.setProvisionState(uuid, name, clean_steps ? { clean_steps: clean_steps as JsonObject[] } : undefined);
}
