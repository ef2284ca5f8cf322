/**
 * Steps with `execute_on_child_nodes`: the node's operation begins one on each child, one after the other, and waits for
 * its end. A child is held by its own operation, so its locks, its power and what else is done with it are respected, and
 * its firmware is written to the end whatever becomes of the parent's operation.
 */
import { Type } from 'typebox';
import { asFault, Fault, formatFault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';
import type { Outcome, Step, Task } from '#drivers/interfaces.ts';
import { simpleStep } from '#drivers/network-boot-steps.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { findNode } from '../nodes/find-node.ts';
import { type BaseContext, BaseRequest, fits } from '../worker/base-context.ts';
import { newOperation, type OperationParts } from '../worker/define-operation.ts';
import { longestWaitSeconds } from '../worker/step-wait.ts';
import { abortFault } from '../worker/worker.ts';
import type { StepUse } from './bmc-steps.ts';

export const childKind = 'child-step';

/** The step that the operation of a child executes. */
export const ChildRequest = Type.Object({
  use: Type.Union([Type.Literal('clean'), Type.Literal('deploy'), Type.Literal('service')]),
  interface: Type.String(),
  step: Type.String(),
  args: Type.Unsafe<JsonObject>(Type.Object({})),
});

type Parts = Pick<OperationParts, 'store' | 'others'>;
type ChildStep = { readonly interface: string; readonly step: string; readonly args?: JsonObject | undefined };
type WithChildren = { readonly children?: readonly string[] | undefined };

/** How long a child may be busy with something else, and the time between attempts (seconds). */
const busySeconds = 60;
const retrySeconds = 5;

const withInstance: readonly Node['provision_state'][] = ['active', 'service failed', 'deploy failed', 'error'];

/** Why a step of such an operation must not be executed on this child; undefined: it may. */
export function whyNotOnChild(
  use: StepUse,
  { uuid, provision_state, maintenance }: Pick<Node, 'uuid' | 'provision_state' | 'maintenance'>,
): string | undefined {
  if (maintenance) return `child node ${uuid} is in maintenance`;
  // As for the node itself: what has an instance is serviced, and not cleaned.
  if (use !== 'service' && withInstance.includes(provision_state))
    return `child node ${uuid} has an instance (${provision_state})`;
  return undefined;
}

/** One step of the operation for each child. */
export function onChildren(
  parts: Parts,
  { children, ...step }: ChildStep & { children: readonly string[] },
  use: StepUse,
): readonly Step<BaseContext>[] {
  const what = `${step.interface}.${step.step}`;
  if (children.length === 0)
    return [
      simpleStep({ name: `${what} on child nodes`, title: `Execute ${what} on child nodes`, deadlineSeconds: 60 }, async (task) =>
        task.note('child nodes', 'the node has none: nothing is executed'),
      ),
    ];
  return children.map((uuid) => ({
    name: `${what} on child node ${uuid}`,
    title: `Execute ${what} on child node ${uuid}`,
    deadlineSeconds: busySeconds * 2,
    run: (task) => runOnChild(parts, task, { uuid, what, request: { use, ...step, args: step.args ?? {} } }),
  }));
}

type OnChild = { uuid: string; what: string; request: ChildStep & { use: StepUse; args: JsonObject } };

async function runOnChild(parts: Parts, task: Task<BaseContext>, child: OnChild): Promise<Outcome<BaseContext>> {
  const { uuid, what } = child;
  const begun = (await ofParent(parts.store, uuid, task)).find(({ awaited_by }) => awaited_by.step === task.operation.step);
  if (begun?.operation.state === 'done') return { next: true };
  if (begun?.operation.state === 'failed')
    throw new Fault('childFailed', { step: what, node: uuid, detail: formatFault(begun.operation.fault) ?? 'unknown' });
  if (!begun && task.context.abort_after) throw abortFault();
  if (!begun) {
    const busy = await beginOnChild(parts, task, child);
    if (busy) return { wait: `child node ${uuid} to be free: ${busy}`, againIn: retrySeconds, shows: 'wait' };
  }
  // The operation of the child has deadlines of its own, and wakes this one at its end.
  return { wait: `child node ${uuid} to execute ${what}`, seconds: longestWaitSeconds, shows: 'wait' };
}

/** @returns what keeps the child busy; undefined: its operation has begun */
async function beginOnChild({ others }: Parts, task: Task<BaseContext>, { uuid, what, request }: OnChild) {
  const { node, operation } = task;
  const purpose = `${what} on node ${uuid} for its parent node ${node.name ?? node.uuid}`;
  const awaited_by = { operation: operation.id, step: operation.step };
  const wanted = newOperation(
    { kind: childKind, request: ChildRequest },
    { purpose, node_uuid: uuid, request: { ...request, awaited_by } },
  );
  try {
    await others.begin(wanted, async (trx) => {
      const child = await findNode(trx, uuid);
      const why = child.parent_node === node.uuid ? whyNotOnChild(request.use, child) : 'it is no child of the node any more';
      if (why) throw new Fault('conflict', { detail: why });
    });
    return undefined;
  } catch (error) {
    const fault = asFault(error);
    if (fault.code === 'nodeBusy' && task.elapsed('a free child node') < busySeconds) return fault.message;
    if (fault.code === 'internal') throw error;
    throw new Fault('childFailed', { step: what, node: uuid, detail: formatFault(fault) ?? '' }, fault);
  }
}

type OfParent = { operation: Operation; awaited_by: NonNullable<BaseRequest['awaited_by']> };

/** The latest operations of a child that this operation waits for: found by their requests, also after a crash. */
async function ofParent(
  { operations }: Store,
  uuid: string,
  { operation: { id } }: Pick<Task, 'operation'>,
): Promise<OfParent[]> {
  const latest = await operations.list(
    { node_uuid: uuid, kind: childKind },
    { orderBy: 'created_at', descending: true, limit: 5 },
  );
  return latest.flatMap((operation) => {
    const { awaited_by } = fits(BaseRequest, operation.request) ? operation.request : {};
    return awaited_by?.operation === id ? [{ operation, awaited_by }] : [];
  });
}

/** For a rollback: waits for the steps that children execute, as they must not be interrupted; none follows. */
export function endOnChildren({ store, others }: Parts, steps: readonly WithChildren[]): readonly Step[] {
  const children = [...new Set(steps.flatMap(({ children = [] }) => children))];
  if (children.length === 0) return [];
  return [
    {
      name: 'end steps on child nodes',
      title: 'End the steps on child nodes',
      deadlineSeconds: 60,
      async run(task) {
        const found = await Promise.all(children.map((uuid) => ofParent(store, uuid, task)));
        const running = found.flat().filter(({ operation }) => ['running', 'rolling_back'].includes(operation.state));
        for (const { operation } of running) await others.abort(operation.id);
        const [first] = running;
        if (!first) return { next: true };
        return { wait: `child node ${first.operation.node_uuid} to end its step`, seconds: longestWaitSeconds };
      },
    },
  ];
}
