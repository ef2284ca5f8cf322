/** The steps of automatic cleaning: those whose priority is above 0, the highest first. */
import { eraseName, isStepPriority, stepPriorityRule } from '#domain/automatic-steps.ts';
import { Fault } from '#domain/faults.ts';
import type { Json } from '#domain/json.ts';
import { wantedOf } from '#domain/raid.ts';
import type { Drivers } from '#drivers/interfaces.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { EngineSettings } from '../settings.ts';
import { byPriority } from './asked-steps.ts';
import { changesDisks, isErase, type NodeStep, stepTable } from './node-steps.ts';
import { raidOf, resolveRaid } from './raid-choice.ts';

/** Ironic's priority of the step. */
const erasePriority = 10;

/** The key in a node's `driver_info`; its value is an object of priorities by name. */
const nodeKey = 'clean_step_priorities';

type Priorities = Readonly<Record<string, number>>;
type Site = { readonly drivers: Drivers; readonly settings: EngineSettings; readonly node: Node };

/** Nothing that a site or a node sets can leave out the erasure: no disk keeps a former tenant's data. */
export function automaticSteps({ drivers, settings, node }: Site): NodeStep[] {
  const priorities: Priorities = { ...readSetting(settings['clean.step_priorities']), ...ofNode(node) };
  const disallowed = settings['clean.disallowed_steps'];
  const chosen = Object.entries(priorities).filter(
    ([name, priority]) => name !== eraseName && priority > 0 && !disallowed.includes(name) && isUsable({ drivers, node }, name),
  );
  const erase = [eraseName, Math.max(priorities[eraseName] ?? erasePriority, 1)] as const;
  const steps = [...chosen, erase].map(([name, priority]) => stepNamed(name, priority)).toSorted(byPriority);
  const site = { drivers, node };
  return withRaidAsBefore(
    site,
    afterErasure(site, steps).map((step) => (changesDisks(step) ? withRaid(site, step) : step)),
  );
}

type OfNode = Pick<Site, 'drivers' | 'node'>;

function hasRaidByAgent({ drivers, node }: OfNode): boolean {
  return raidOf(drivers, node)?.inBand !== undefined;
}

/** Unless the steps say what becomes of it. */
export function withRaidAsBefore(site: OfNode, steps: NodeStep[]): NodeStep[] {
  if (!hasRaidByAgent(site) || steps.some(changesDisks)) return steps;
  return steps.flatMap((step) => (isErase(step) ? [step, ...rebuiltRaid(site.node, step)] : [step]));
}

/** The erasure takes software RAID with it: it is made again as it was, so that the next image is not on a single disk. */
function rebuiltRaid({ raid_interface, raid_config }: Site['node'], { priority = 0 }: NodeStep): NodeStep[] {
  const creates = (raid_config.logical_disks ?? []).map(wantedOf);
  if (creates.length === 0) return [];
  const raid = { interface: raid_interface, change: { deletes: true, creates } };
  return [{ interface: 'raid', step: 'create_configuration', priority, raid }];
}

/** An erasure finds what is on the disks that there are, and would destroy what is made of them. */
export function afterErasure(site: OfNode, steps: readonly NodeStep[]): NodeStep[] {
  const before = steps.slice(0, steps.findIndex(isErase));
  const [erase, ...others] = steps.slice(before.length);
  // Steps of the agent share one boot of the ramdisk, which others would end.
  const moved = (hasRaidByAgent(site) ? steps : before).filter(changesDisks);
  const left = others.filter((step) => !moved.includes(step));
  return [...before.filter((step) => !changesDisks(step)), ...(erase ? [erase] : []), ...moved, ...left];
}

function withRaid({ drivers, node }: Pick<Site, 'drivers' | 'node'>, step: NodeStep): NodeStep {
  return { ...step, raid: resolveRaid({ drivers, node, step: step.step, args: {}, isErased: true }) };
}

function stepNamed(name: string, priority: number): NodeStep {
  const [slot = '', step = ''] = name.split('.');
  return { interface: slot, step, priority };
}

function ofNode({ driver_info }: Pick<Node, 'driver_info'>): Priorities {
  const given = driver_info[nodeKey];
  return isPriorities(given) ? given : {};
}

/** As Ironic, whose steps are those of the node's interfaces: a priority of one that its hardware lacks has no effect. */
function isUsable({ drivers, node }: Pick<Site, 'drivers' | 'node'>, name: string): boolean {
  try {
    const isWanted = name !== 'raid.create_configuration' || Object.keys(node.target_raid_config).length > 0;
    return isWanted && !stepTable[name]?.lacks?.(drivers, node);
  } catch {
    // The node names an interface that does not exist.
    return false;
  }
}

function readSetting(rows: readonly string[]): Priorities {
  return Object.fromEntries(rows.map((row) => [row.slice(0, row.indexOf('=')), Number(row.slice(row.indexOf('=') + 1))]));
}

function isPriorities(given: Json | undefined): given is Record<string, number> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return false;
  return Object.entries(given).every(([name, priority]) => isStepPriority(name, priority));
}

/** @throws Fault `badRequest` */
export function checkNodePriorities(driver_info: Node['driver_info']): void {
  const given = driver_info[nodeKey];
  if (given === undefined || isPriorities(given)) return;
  throw new Fault('badRequest', { detail: `driver_info/${nodeKey} must be an object in which ${stepPriorityRule}.` });
}
