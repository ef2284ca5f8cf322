/** The steps that a request for a provision verb names: by its arguments, or by a runbook. */
import { Fault } from '#domain/faults.ts';
import type { ProvisionOptions } from '#engine/contract.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Runbook } from '#store/tables/runbooks.ts';
import { booleanOf } from '../loose-booleans.ts';
import type { BaremetalContext } from './context.ts';
import { findRunbook } from './runbooks.ts';

type NamedStep = { readonly interface: string; readonly step: string };
type Steps = readonly object[] | null | undefined;

export type StepArguments = {
  readonly target: string;
  readonly clean_steps?: Steps;
  readonly service_steps?: Steps;
  readonly deploy_steps?: Steps;
  readonly runbook?: string | null | undefined;
  readonly disable_ramdisk?: unknown;
};

/** Each throws `forbidden` for what the caller may not. */
export type StepRights = {
  readonly arbitrary: (of: 'clean_steps' | 'service_steps') => void;
  readonly steps: (steps: readonly NamedStep[]) => void;
  readonly runbook: (runbook: Runbook) => void;
  readonly onChild: NonNullable<ProvisionOptions['onChild']>;
};

type Asked = {
  /** The verb that the target stands for. */
  readonly verb: string;
  readonly given: StepArguments;
  /** Minor microversion of the request. */
  readonly minor: number;
  readonly rights: StepRights;
};

/** @throws Fault `badRequest`, `notAcceptable` or `forbidden`, with Ironic's texts */
export function readProvisionSteps(asked: Asked): ProvisionOptions {
  const { given } = asked;
  const disableRamdisk = readDisableRamdisk(asked);
  if (given.runbook) return { runbook: runbookOf(asked, given.runbook) };
  refuseForbidden(asked);
  refuseMisplaced(asked);
  const kept = (['clean_steps', 'service_steps', 'deploy_steps'] as const).filter((name) => isGiven(given[name]));
  return {
    ...Object.fromEntries(kept.map((name) => [name, given[name]])),
    ...(disableRamdisk !== undefined && { disable_ramdisk: disableRamdisk }),
    onChild: asked.rights.onChild,
  };
}

/** An empty list is none, as in Ironic. */
export function isGiven(steps: unknown): boolean {
  return Array.isArray(steps) && steps.length > 0;
}

function refuseForbidden({ given, rights }: Asked): void {
  for (const name of ['clean_steps', 'service_steps'] as const) if (isGiven(given[name])) rights.arbitrary(name);
  const named = [...(given.deploy_steps ?? []), ...(given.clean_steps ?? []), ...(given.service_steps ?? [])];
  rights.steps(named.filter(isNamed));
}

function isNamed(step: object): step is NamedStep {
  return 'interface' in step && typeof step.interface === 'string' && 'step' in step && typeof step.step === 'string';
}

const deployStepsSince = 69;

function refuseMisplaced({ verb, given, minor }: Asked): void {
  for (const name of ['clean', 'service'] as const) {
    if (isGiven(given[`${name}_steps`]) && verb !== name)
      throw refuse(`"${name}_steps" is only valid when setting target provision state to ${name}`);
  }
  if (!isGiven(given.deploy_steps)) return;
  if (minor < deployStepsSince)
    throw new Fault('notAcceptable', {
      detail: `Request not acceptable. The minimal required API version should be 1.${deployStepsSince}`,
    });
  // As in Ironic, whose later names of the verbs do not take them.
  if (!['active', 'rebuild'].includes(given.target))
    throw refuse('"deploy_steps" is only valid when setting target provision state to active or rebuild');
}

/** The verbs that take it, each with the minor microversion that brought it. */
const disableRamdiskSince: Readonly<Record<string, number>> = { clean: 70, service: 108 };

function readDisableRamdisk({ verb, given, minor }: Asked): boolean | undefined {
  if (given.disable_ramdisk === undefined || given.disable_ramdisk === null) return undefined;
  const since = disableRamdiskSince[verb];
  if (since === undefined) throw refuse('disable_ramdisk is supported only with manual cleaning or servicing');
  if (minor < since) throw new Fault('notAcceptable', { detail: 'disable_ramdisk is not acceptable in this API version' });
  return booleanOf('disable_ramdisk', given.disable_ramdisk);
}

const runbooksSince = 92;
const runbookTraitsSince = 112;

/** It is found in the transaction that begins the operation. Its own `disable_ramdisk` counts. */
function runbookOf({ verb, given, minor, rights }: Asked, ident: string): NonNullable<ProvisionOptions['runbook']> {
  if (minor < runbooksSince)
    throw new Fault('notAcceptable', { detail: `A runbook is not acceptable before API version 1.${runbooksSince}` });
  if (verb !== 'clean' && verb !== 'service')
    throw refuse(`"runbooks" is only valid when setting target provision state to any of ['clean', 'service']`);
  for (const name of ['clean_steps', 'service_steps'] as const)
    if (isGiven(given[name])) throw refuse(`Please provide either "${name}" or a runbook, but not both.`);
  return async (node, trx) => {
    const runbook = await findRunbook({ store: trx } as Pick<BaremetalContext, 'store'>, ident);
    rights.runbook(runbook);
    (minor < runbookTraitsSince ? refuseOtherName : refuseOtherTraits)(runbook, node);
    // Who published it, or an administrator of the cloud, has approved its steps.
    if (runbook.owner !== null && !runbook.public) rights.steps(runbook.steps);
    return { steps: runbook.steps.toSorted((left, right) => left.order - right.order), disable_ramdisk: runbook.disable_ramdisk };
  };
}

function refuseOtherName({ name }: Runbook, { uuid, traits }: Node): void {
  if (traits.includes(name)) return;
  throw refuse(
    `This runbook has not been approved for use on this node ${uuid}. Please ask an administrator to add it to your node traits.`,
  );
}

function refuseOtherTraits(runbook: Runbook, { uuid, traits }: Node): void {
  if (runbook.traits.length === 0)
    throw refuse(`Runbook ${runbook.uuid} has no traits configured. Please ask an administrator to add traits to the runbook.`);
  if (runbook.traits.some((trait) => traits.includes(trait))) return;
  const listed = runbook.traits.toSorted().map((trait) => `'${trait}'`);
  throw refuse(
    `This runbook has not been approved for use on this node ${uuid}. The node does not have any of the runbook's traits [${listed.join(', ')}]. Please ask an administrator to add a matching trait to your node.`,
  );
}

function refuse(detail: string): Fault {
  return new Fault('badRequest', { detail });
}
