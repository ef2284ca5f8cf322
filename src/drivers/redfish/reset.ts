/** ResetTypes (Resource.ResetType of the Redfish schemas) for each power command, in order of preference. */
import type { Resource } from '#wire/redfish/redfish-client.ts';
import type { PowerTarget } from '../interfaces.ts';
import type { SystemContext } from './find-system.ts';
import { readIfAny } from './reading.ts';
import { actionPathAt, choicesAt, linkAt, objectAt, objectsAt, textAt } from './resource-fields.ts';

export const resetTypes = [
  'On',
  /** Not in the schema: node cards of HPE Cray EX use it for a shutdown. */
  'Off',
  'ForceOn',
  'ForceOff',
  'GracefulShutdown',
  'GracefulRestart',
  'ForceRestart',
  'PowerCycle',
  'FullPowerCycle',
  'PushPowerButton',
  'Nmi',
  'Suspend',
  'Pause',
  'Resume',
] as const;
export type ResetType = (typeof resetTypes)[number];

/** PushPowerButton comes last: its effect depends on the machine's state and operating system. */
export const targetTable: Readonly<Record<PowerTarget | 'resume' | 'nmi', readonly ResetType[]>> = {
  'power on': ['On', 'ForceOn', 'PushPowerButton'],
  'power off': ['ForceOff'],
  'soft power off': ['GracefulShutdown', 'PushPowerButton', 'Off'],
  reset: ['ForceRestart', 'PowerCycle', 'GracefulRestart'],
  'power cycle': ['PowerCycle', 'FullPowerCycle'],
  resume: ['Resume', 'On'],
  nmi: ['Nmi'],
};

/** ResetTypes that no command uses, and why. */
export const unusedResetTypes: Readonly<Partial<Record<ResetType, string>>> = {
  Suspend: 'a suspended machine looks like one that is off',
  Pause: 'holds the processors of a machine for a debugger',
};

/** An action of a resource: its URI, and the allowable values of a parameter; undefined = not listed. */
export type Action = { readonly target: string; readonly allowed: readonly string[] | undefined };

/** DSP0266 "Allowable values for actions" and "ActionInfo". */
export async function findAction(
  { client, callOptions }: SystemContext,
  resource: Resource,
  wanted: { name: string; parameter: string },
) {
  const { name, parameter } = wanted;
  const action = objectAt(resource, 'Actions', `#${name}`);
  const target = actionPathAt(resource, name);
  if (target === undefined) return undefined;
  const inline = choicesAt(action, `${parameter}@Redfish.AllowableValues`);
  const info = linkAt({ info: { '@odata.id': textAt(action, '@Redfish.ActionInfo') ?? '' } }, 'info');
  if (inline !== undefined || info === undefined) return { target, allowed: inline };
  // XCC, AMI and Supermicro list values only in ActionInfo; if it is missing, the fallbacks are tried.
  const body = await readIfAny({ client, callOptions }, info);
  const row = objectsAt(body, 'Parameters').find((entry) => textAt(entry, 'Name') === parameter);
  return { target, allowed: choicesAt(row, 'AllowableValues') };
}
