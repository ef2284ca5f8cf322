/**
 * `last_error` of a node: what the operation failed with that failed last, for as long as that is so. It goes when work
 * begins anew, and an error of power when the power obeys or its control answers: then it tells again of the
 * deployment or cleaning that failed before, if the node is still in the state that this left it in.
 */
import { formatFault } from '#domain/faults.ts';
import type { Node, Operation, OperationKind, PowerState } from '#domain/records.ts';
import type { Store } from '#store/store.ts';
import { withinSize } from './console-text.ts';

/** What names itself; of the others the fault says enough. */
const deeds: Partial<Record<OperationKind, string>> = { deploy: 'Deploy', clean: 'Cleaning' };

/** Of an operation that failed. */
export function failureText({ kind, fault }: Pick<Operation, 'kind' | 'fault'>): string | null {
  const told = formatFault(fault);
  const deed = deeds[kind];
  return deed ? `${deed} failed at "${fault?.step}": ${told}` : told;
}

/** In an operation's context: what the console ended with when it had failed (lines). */
export const consoleTailName = 'console_tail';

export function consoleTailOf({ context }: Pick<Operation, 'context'>): readonly string[] {
  return (context[consoleTailName] as string[] | undefined) ?? [];
}

/** Of the console, in `last_error` (characters). */
const shownMax = 500;

/** With what the machine printed last. */
export function failureReport(operation: Pick<Operation, 'kind' | 'fault' | 'context'>): string {
  return withConsole(failureText(operation), consoleTailOf(operation));
}

export function withConsole(text: string | null, lines: readonly string[]): string {
  const last = withinSize(lines, shownMax);
  return [text, ...(last.length > 0 ? ['The console ended with:', ...last] : [])].join('\n');
}

/** All but power: only these leave a node in a state of failure. */
const provisioning: readonly OperationKind[] = ['deploy', 'rebuild', 'delete', 'clean', 'verify'];

type Shown = Pick<Node, 'uuid' | 'provision_state' | 'last_error'>;

/** What is left to tell when an error of power is over. */
export async function errorBesidePower(trx: Store, { uuid, provision_state, last_error }: Shown): Promise<string | null> {
  if (!/failed$|^error$/.test(provision_state)) return null;
  const [failed] = await trx.operations.list(
    { node_uuid: uuid, kind: provisioning, state: 'failed' },
    { orderBy: 'ended_at', descending: true, limit: 1 },
  );
  // The record of operations is kept for a time; what is told is then told for good.
  return failed ? failureReport(failed) : last_error;
}

const onTargets: readonly unknown[] = ['power on', 'reset', 'soft reset'];

/** A machine may obey after it was given up. @returns what to change of its node, which is now seen in that state */
export async function powerErrorOver(trx: Store, uuid: string, seen: PowerState): Promise<Partial<Pick<Node, 'last_error'>>> {
  const [node] = await trx.nodes.pick(['uuid', 'provision_state', 'last_error'], { uuid });
  if (!node?.last_error) return {};
  const order = { orderBy: 'created_at', descending: true, limit: 1 } as const;
  const [last] = await trx.operations.list({ node_uuid: uuid, kind: 'power' }, order);
  if (last?.state !== 'failed' || node.last_error !== failureText(last)) return {};
  const target: PowerState = onTargets.includes(last.request['target']) ? 'power on' : 'power off';
  return target === seen ? { last_error: await errorBesidePower(trx, node) } : {};
}
