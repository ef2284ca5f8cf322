/**
 * Steps as clients ask for them: `clean_steps`, `deploy_steps`, `service_steps`, and those of runbooks and deploy
 * templates. All are checked before anything starts. Texts are those of Ironic (`ironic/conductor/steps.py`).
 */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { asFault, Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import { stepNameOf } from '#domain/step-names.ts';
import { readDriverInfo } from '#drivers/driver-info.ts';
import { agentKinds, type Drivers, type RaidInterface } from '#drivers/interfaces.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { EngineSettings } from '../settings.ts';
import type { StepUse } from './bmc-steps.ts';
import { whyNotOnChild } from './child-nodes.ts';
import { changesDisks, isErase, isReserved, type NodeStep, nameOf, rowOf } from './node-steps.ts';
import { type RaidNode, raidOf, resolveRaid } from './raid-choice.ts';

/** In case of equal priorities the interface decides: the first comes first. */
export const stepInterfaces = ['vendor', 'power', 'management', 'firmware', 'deploy', 'bios', 'raid'] as const;

const Name = Type.String({ minLength: 1, maxLength: 255 });
const Interface = Type.Enum([...stepInterfaces]);
const Args = Type.Unsafe<JsonObject>(Type.Object({}));
const Number_ = Type.Union([Type.Integer({ minimum: 0, maximum: 1_000_000 }), Type.String({ pattern: '^[0-9]{1,6}$' })]);

/** Of all steps of a request, on all their child nodes. */
const mostOnChildren = 500;

const AskedStep = Type.Object(
  {
    interface: Interface,
    step: Name,
    args: Type.Optional(Args),
    order: Type.Optional(Number_),
    execute_on_child_nodes: Type.Optional(Type.Boolean()),
    limit_child_node_execution: Type.Optional(Type.Array(Type.String(), { maxItems: mostOnChildren })),
  },
  { additionalProperties: false },
);
const AskedDeployStep = Type.Object(
  { interface: Interface, step: Name, args: Args, priority: Number_ },
  { additionalProperties: false },
);
const mostSteps = 100;
const Asked = Type.Array(AskedStep, { maxItems: mostSteps });
const AskedDeploy = Type.Array(AskedDeployStep, { maxItems: mostSteps });

/** What a node's steps depend on. */
export type NodeOfSteps = Pick<
  Node,
  'uuid' | 'name' | 'driver' | 'bios_interface' | 'firmware_interface' | 'management_interface' | 'disable_power_off'
> &
  Partial<Pick<Node, 'driver_info'>> &
  RaidNode;

/** A step as a request has it. */
type AskedStep = NodeStep & Partial<Pick<Static<typeof AskedStep>, 'execute_on_child_nodes' | 'limit_child_node_execution'>>;

export type Asking = {
  readonly drivers: Drivers;
  readonly settings: EngineSettings;
  readonly node: NodeOfSteps;
  readonly use: StepUse;
  /** The node's child nodes, for steps with `execute_on_child_nodes`. */
  readonly children?: readonly Node[] | undefined;
  /** Before the errors of steps. */
  readonly errorPrefix?: string;
  /** Steps that need a ramdisk are refused. */
  readonly disableRamdisk?: boolean | undefined;
};

/** @throws Fault `badRequest` for unknown steps or invalid arguments; `unsupportedByHardware`, `unsupported` */
export function readSteps(asking: Asking, given: unknown): NodeStep[] {
  const steps = checkedList(asking.use === 'deploy' ? AskedDeploy : Asked, asking.use, given) as AskedStep[];
  for (const step of steps) refuseDisallowed(asking, step);
  return checkSteps(asking, steps);
}

function checkedList(schema: TSchema, use: StepUse, given: unknown): unknown {
  if (Value.Check(schema, given)) return given;
  const [error] = Value.Errors(schema, given);
  throw new Fault('badRequest', { detail: `Invalid ${use}_steps: ${error?.instancePath || 'they'} ${error?.message}` });
}

function disallowedIn({ settings, use }: Asking): readonly string[] {
  const table = {
    clean: settings['clean.disallowed_steps'],
    deploy: settings['deploy.disallowed_steps'],
    service: settings['service.disallowed_steps'],
  };
  return table[use];
}

function refuseDisallowed(asking: Asking, step: NodeStep): void {
  if (!disallowedIn(asking).includes(stepNameOf(step))) return;
  const detail = `${asking.use} step '${nameOf(step)}' is not allowed. Disallowed by the setting ${asking.use}.disallowed_steps.`;
  throw new Fault('badRequest', { detail });
}

/** Of steps that an operator has defined, those that are disallowed are left out, as in Ironic. */
export function allowedSteps(asking: Asking, steps: readonly NodeStep[]): NodeStep[] {
  return steps.filter((step) => !disallowedIn(asking).includes(stepNameOf(step)));
}

/** @returns the steps without what is not kept. @throws as `readSteps` */
export function checkSteps(asking: Asking, steps: readonly AskedStep[]): NodeStep[] {
  const errors = [
    ...steps.flatMap((step) => (step.execute_on_child_nodes ? complaintsOnChildren(asking, step) : complaintsOf(asking, step))),
    ...repeatedIn(asking, steps),
  ];
  const onChildren = steps.reduce((sum, step) => sum + childrenOf(asking, step).length, 0);
  if (onChildren > mostOnChildren) errors.push(`steps on child nodes can be at most ${mostOnChildren}, not ${onChildren}`);
  errors.push(
    ...betweenRamdiskSteps(
      asking,
      steps.filter((step) => !step.execute_on_child_nodes),
    ),
  );
  if (steps.filter(isErase).length > 1) errors.push('deploy.erase_devices can be executed only once');
  if (errors.length > 0) throw new Fault('badRequest', { detail: `${asking.errorPrefix ?? ''}${errors.join('; ')}` });
  for (const step of steps)
    for (const node of step.execute_on_child_nodes ? childrenOf(asking, step) : [asking.node])
      refuseMissing({ ...asking, node }, step);
  const kept = steps.filter((step) => !isCore(step));
  return kept.map((each, index) => {
    const { interface: slot, step, args = {}, priority } = each;
    return {
      ...{ interface: slot, step, args },
      ...(priority !== undefined && { priority: Number(priority) }),
      ...(changesDisks(each) && { raid: raidStepOf(asking, each, kept.slice(0, index).some(isErase)) }),
      ...(each.execute_on_child_nodes && { children: childrenOf(asking, each).map(({ uuid }) => uuid) }),
    };
  });
}

/** @throws Fault `badRequest` with the prefix of the request's errors */
function raidStepOf({ drivers, node, errorPrefix = '' }: Asking, { step, args = {} }: NodeStep, isErased: boolean) {
  try {
    return resolveRaid({ drivers, node, step, args, isErased });
  } catch (error) {
    const fault = asFault(error);
    if (fault.code !== 'badRequest') throw error;
    throw new Fault('badRequest', { detail: `${errorPrefix}${fault.message}` });
  }
}

/** Those on which the step is executed; without a limit, all. */
function childrenOf({ children = [] }: Pick<Asking, 'children'>, step: AskedStep): readonly Node[] {
  const { execute_on_child_nodes: isForThem, limit_child_node_execution: limit = [] } = step;
  if (!isForThem) return [];
  return limit.length === 0 ? children : children.filter(({ uuid }) => limit.some((each) => each.toLowerCase() === uuid));
}

type OnChild = {
  readonly child: Node;
  readonly step: { readonly interface: string; readonly step: string };
  readonly isNamed: boolean;
};

/**
 * What a request, whose steps are not checked yet, would execute on which child nodes.
 * @throws Fault `notFound` for the UUID of a node that is none of them
 */
export function askedOnChildren(given: unknown, children: readonly Node[]): OnChild[] {
  if (!Value.Check(Asked, given)) return [];
  return given.flatMap((step) => {
    const { limit_child_node_execution: limit = [] } = step;
    const other = step.execute_on_child_nodes && limit.find((each) => !children.some(({ uuid }) => uuid === each.toLowerCase()));
    if (other !== undefined && other !== false) throw new Fault('notFound', { what: 'Node', id: other });
    return childrenOf({ children }, step).map((child) => ({ child, step, isNamed: limit.length > 0 }));
  });
}

/** Reserved steps that wait are the node's own, and a child boots no ramdisk for its parent. */
function complaintsOnChildren(asking: Asking, step: AskedStep): string[] {
  const { use } = asking;
  const name = nameOf(step);
  const row = rowOf(step);
  if (!row?.uses.includes(use)) return [`child nodes do not support this ${use} step: ${name}`];
  if (row.needsRamdisk || row.changesDisks || ['hold', 'wait'].includes(step.step))
    return [`${use} step ${name} cannot be executed on child nodes`];
  const ofChildren = childrenOf(asking, step).flatMap((child) => {
    const why = whyNotOnChild(use, child);
    if (why) return [`${use} step ${name} cannot be executed on child nodes: ${why}`];
    return child.disable_power_off && step.step === 'power_off'
      ? [`${use} step ${name} would power off child node ${child.uuid} with disable_power_off`]
      : [];
  });
  return [...complaintsOfArguments({ use, name, schema: row.args }, step.args ?? {}), ...ofChildren];
}

function complaintsOf(asking: Asking, step: NodeStep): string[] {
  const { use, node, disableRamdisk } = asking;
  const name = nameOf(step);
  if (use === 'deploy' && isCore(step)) return complaintsOfCore(step);
  const row = rowOf(step);
  const raid = row?.changesDisks ? raidOf(asking.drivers, node) : undefined;
  if (!row?.uses.includes(use) || raid?.unsupported) return [`node does not support this ${use} step: ${name}`];
  if (node.disable_power_off && step.step === 'power_off')
    return [`${use} step ${name} would power off a node with disable_power_off`];
  const needsRamdisk = row.needsRamdisk || raid?.inBand;
  const complaint = disableRamdisk && needsRamdisk ? [`${use} step ${name} requires booting a ramdisk`] : [];
  // A deploy step of priority 0 is disabled.
  if (use === 'deploy' && Number(step.priority) === 0) return complaint;
  if (use === 'deploy' && row.restarts && isDuringRamdisk(Number(step.priority)))
    return [`deploy step ${name} restarts the machine: its priority must be above 100, before the ramdisk boots, or below 60`];
  if (use === 'service' && raid?.inBand)
    return [`service step ${name} needs the ramdisk, which servicing does not boot: use clean, or deploy_steps`];
  if (raid?.inBand && isByIpa(asking))
    return [`${use} step ${name} needs Ingot's own agent in the ramdisk: driver_info/agent must be ingot, not ipa`];
  if (use === 'deploy' && raid) complaint.push(...complaintsOfRaid(raid, name, Number(step.priority)));
  return [...complaintsOfArguments({ use, name, schema: row.args }, step.args ?? {}), ...complaint];
}

function isByIpa({ node, settings }: Asking): boolean {
  const { uuid, name, driver_info = {} } = node;
  return readDriverInfo({ uuid, name, driver_info }).choice('agent', agentKinds, settings['deploy.agent']) === 'ipa';
}

/** Disks change before the image is written: by a BMC before the ramdisk boots, by the ramdisk's agent after that. */
function complaintsOfRaid({ inBand }: RaidInterface, name: string, priority: number): string[] {
  const isByAgent = inBand !== undefined;
  if (isByAgent ? priority > 80 && priority < 100 : priority > 100) return [];
  const range = isByAgent
    ? 'from 81 to 99, after the ramdisk boots and before the image is written'
    : 'above 100, before the ramdisk boots';
  return [`deploy step ${name} changes the disks: its priority must be ${range}`];
}

/** Core steps of Ironic's that Ingot's deployments consist of, and those for which nothing is to be done here. */
const coreNames = ['deploy.deploy', 'deploy.write_image', 'deploy.prepare_instance_boot', 'deploy.boot_instance'];
const emptyNames = ['deploy.tear_down_agent', 'deploy.switch_to_tenant_network'];

function isCore(step: NodeStep): boolean {
  return [...coreNames, ...emptyNames].includes(nameOf(step));
}

function complaintsOfCore(step: NodeStep): string[] {
  const name = nameOf(step);
  if (name === 'deploy.deploy' && Number(step.priority) > 0)
    return [
      'deploy step deploy on interface deploy is a core step and cannot be overridden by user steps. It may be disabled by setting the priority to 0',
    ];
  if (coreNames.includes(name)) throw new Fault('unsupported', { what: `Moving or disabling the core deploy step ${name}` });
  return [];
}

/** The steps of the agent share one boot of the ramdisk, which ends when the machine is restarted. */
function betweenRamdiskSteps({ use, drivers, node }: Asking, steps: readonly NodeStep[]): string[] {
  if (use !== 'clean' || !raidOf(drivers, node)?.inBand) return [];
  const isByAgent = (step: NodeStep) => isErase(step) || changesDisks(step);
  const between = steps.slice(steps.findIndex(isByAgent), steps.findLastIndex(isByAgent) + 1);
  const restarting = between.find((step) => rowOf(step)?.restarts);
  if (!restarting) return [];
  return [
    `clean step ${nameOf(restarting)} restarts the machine between steps that its ramdisk executes: move it before or after`,
  ];
}

/** Ironic's `_validate_deploy_steps_unique`; its reserved steps may be repeated. */
function repeatedIn({ use }: Asking, steps: readonly NodeStep[]): string[] {
  if (use !== 'deploy') return [];
  const names = steps.filter((step) => !isReserved(step)).map(nameOf);
  const repeated = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  if (repeated.length === 0) return [];
  return [
    `deploy steps from all deploy templates matching this node's instance traits cannot have the same interface and step. Duplicate deploy steps for ${repeated.join(', ')}`,
  ];
}

type Expected = { use: StepUse; name: string; schema: { properties: object; required?: string[] } & TSchema };

function complaintsOfArguments({ use, name, schema }: Expected, args: JsonObject): string[] {
  const unexpected = Object.keys(args).filter((key) => !Object.hasOwn(schema.properties, key));
  if (unexpected.length > 0) return [`${use} step ${name} has these unexpected arguments: ${unexpected.join(', ')}`];
  const missing = (schema.required ?? []).filter((key) => !Object.hasOwn(args, key));
  if (missing.length > 0) return [`${use} step ${name} is missing these required arguments: ${missing.join(', ')}`];
  if (Value.Check(schema, args)) return [];
  const [error] = Value.Errors(schema, args);
  return [`args of ${use} step '${name}': ${error?.instancePath || 'they'} ${error?.message}.`];
}

function refuseMissing({ drivers, node }: Asking, step: NodeStep): void {
  const what = rowOf(step)?.lacks?.(drivers, node);
  if (what) throw new Fault('unsupportedByHardware', { node: node.name ?? node.uuid, driver: node.driver, what });
}

/** From the core step `deploy` to `prepare_instance_boot` the ramdisk runs, which is lost when its machine restarts. */
function isDuringRamdisk(priority: number): boolean {
  return priority <= 100 && priority >= 60;
}

/** The highest priority first. */
export function byPriority(left: NodeStep, right: NodeStep): number {
  return (right.priority ?? 0) - (left.priority ?? 0) || placeOf(left) - placeOf(right);
}

/** Its place among those of equal priority. */
export function placeOf({ interface: name }: Pick<NodeStep, 'interface'>): number {
  return (stepInterfaces as readonly string[]).indexOf(name);
}
