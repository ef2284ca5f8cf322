/**
 * The steps of a deployment in the order of Ironic's priorities: those that a client or a deploy template adds stand
 * around those of the deploy interface, which mark where Ironic's core steps begin.
 */
import type { CoreStep, Step } from '#drivers/interfaces.ts';
import type { OperationParts } from '../worker/define-operation.ts';
import { placeOf } from './asked-steps.ts';
import { changesDisks, type NodeStep, stepsOf } from './node-steps.ts';

/** Those of Ironic's deploy interfaces (`ironic/drivers/modules/agent.py`). */
const corePriorities: Readonly<Record<CoreStep, number>> = {
  deploy: 100,
  write_image: 80,
  prepare_instance_boot: 60,
  boot_instance: 20,
};

type Section = { readonly core: CoreStep | undefined; readonly steps: readonly Step[] };

/** @param given sorted by priority */
export function deployList(parts: OperationParts, own: readonly Step[], given: readonly NodeStep[] = []): readonly Step[] {
  if (given.length === 0) return own;
  const keepsDisk = ({ api }: Step) => !given.some((step, index) => index === api?.index && changesDisks(step));
  const made = stepsOf(parts, given, { use: 'deploy' }).map(
    (step): Step => (keepsDisk(step) ? { ...step, keepsDisk: true } : step),
  );
  const list: Step[] = [];
  let placed = 0;
  const placeUpTo = (end: number) => {
    list.push(...made.filter(({ api }) => api !== undefined && api.index >= placed && api.index < end));
    placed = end;
  };
  for (const { core, steps } of sectionsOf(own)) {
    if (core) placeUpTo(given.filter((step) => isBefore(step, core)).length);
    list.push(...steps);
  }
  placeUpTo(given.length);
  return list;
}

/** Without marks, a deployment is one core step, which begins when the machine is first changed. */
function sectionsOf(own: readonly Step[]): readonly Section[] {
  const start = own.findIndex(({ keepsMachine }) => !keepsMachine);
  const isMarked = own.some(({ core }) => core);
  const coreAt = (step: Step, index: number) => step.core ?? (!isMarked && index === start ? 'deploy' : undefined);
  const starts = own.flatMap((step, index) => (index === 0 || coreAt(step, index) ? [index] : []));
  return starts.map((from, index) => {
    const steps = own.slice(from, starts[index + 1]);
    return { core: steps[0] && coreAt(steps[0], from), steps };
  });
}

function isBefore(step: NodeStep, core: CoreStep): boolean {
  const difference = (step.priority ?? 0) - corePriorities[core];
  return difference > 0 || (difference === 0 && placeOf(step) < placeOf({ interface: 'deploy' }));
}
