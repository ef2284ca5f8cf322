/**
 * `last_error` of a node: the fault of the operation that failed last, while it applies. It is cleared when new work
 * begins. A power error is also cleared when the power change succeeds or the BMC responds; then the earlier failure of
 * a deployment or cleaning is shown again, if the node is still in the resulting state.
 */
import { formatFault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation, OperationKind } from '#store/tables/operations.ts';
import { withinSize } from '../consoles/console-text.ts';

/** Kinds that need a prefix; for the others the fault is sufficient. */
const deeds: Partial<Record<OperationKind, string>> = { deploy: 'Deploy', clean: 'Cleaning' };

/** For a failed operation. */
export function failureText({ kind, fault }: Pick<Operation, 'kind' | 'fault'>): string | null {
  const told = formatFault(fault);
  const deed = deeds[kind];
  return deed ? `${deed} failed at "${fault?.step}": ${told}` : told;
}

/** Key in an operation's context: the last console lines before the failure. */
export const consoleTailName = 'console_tail';

export function consoleTailOf({ context }: Pick<Operation, 'context'>): readonly string[] {
  return (context[consoleTailName] as string[] | undefined) ?? [];
}

/** Maximum of console text in `last_error` (characters). */
const shownMax = 500;

/** Includes the last console output of the machine. */
export function failureReport(operation: Pick<Operation, 'kind' | 'fault' | 'context'>): string {
  return withConsole(failureText(operation), consoleTailOf(operation));
}

export function withConsole(text: string | null, lines: readonly string[]): string {
  const last = withinSize(lines, shownMax);
  return [text, ...(last.length > 0 ? ['The console ended with:', ...last] : [])].join('\n');
}

/** All but power: only these leave a node in a failed state. */
const provisioning: readonly OperationKind[] = ['deploy', 'rebuild', 'delete', 'clean', 'verify'];

type Shown = Pick<Node, 'uuid' | 'provision_state' | 'last_error'>;

/** The `last_error` that remains when a power error has cleared. */
export async function errorBesidePower(trx: Store, { uuid, provision_state, last_error }: Shown): Promise<string | null> {
  if (!/failed$|^error$/.test(provision_state)) return null;
  const [failed] = await trx.operations.list(
    { node_uuid: uuid, kind: provisioning, state: 'failed' },
    { orderBy: 'ended_at', descending: true, limit: 1 },
  );
  // Operations are pruned after a time; after that the stored text stays.
  return failed ? failureReport(failed) : last_error;
}

const onTargets: readonly unknown[] = ['power on', 'reset', 'soft reset'];

/** A machine may reach its target after the timeout. @returns the changes to its node, now seen in that state */
export async function powerErrorOver(trx: Store, uuid: string, seen: PowerState): Promise<Partial<Pick<Node, 'last_error'>>> {
  const [node] = await trx.nodes.pick(['uuid', 'provision_state', 'last_error'], { uuid });
  if (!node?.last_error) return {};
  const order = { orderBy: 'created_at', descending: true, limit: 1 } as const;
  const [last] = await trx.operations.list({ node_uuid: uuid, kind: 'power' }, order);
  if (last?.state !== 'failed' || node.last_error !== failureText(last)) return {};
  const target: PowerState = onTargets.includes(last.request['target']) ? 'power on' : 'power off';
  return target === seen ? { last_error: await errorBesidePower(trx, node) } : {};
}
