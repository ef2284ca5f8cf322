/**
 * `last_error` of a node: the fault of the operation that failed last, while it applies. It is cleared when new work
 * begins. A power error is also cleared when the power change succeeds or the BMC responds; then the earlier failure of
 * a deployment or cleaning is shown again, if the node is still in the resulting state.
 */
import { formatFault } from '#domain/faults.ts';
import type { PowerState } from '#domain/power-states.ts';
import { isFailedState } from '#domain/provision-states.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import { withinSize } from '../consoles/console-text.ts';
import { type BaseContext, contextOf, fits } from './base-context.ts';
import type { Definition } from './define-operation.ts';

/** For a failed operation. @param failure of its definition */
export function failureText({ fault }: Pick<Operation, 'fault'>, failure?: string): string | null {
  const reported = formatFault(fault);
  return failure ? `${failure} failed at "${fault?.step}": ${reported}` : reported;
}

/** Maximum of console text in `last_error` (characters). */
const shownMax = 500;

/** Includes the last console output of the machine. */
export function failureReport(operation: Pick<Operation, 'fault'> & { context: BaseContext }, failure?: string): string {
  return withConsole(failureText(operation, failure), operation.context.console_tail ?? []);
}

export function withConsole(text: string | null, lines: readonly string[]): string {
  const last = withinSize(lines, shownMax);
  return [text, ...(last.length > 0 ? ['The console ended with:', ...last] : [])].join('\n');
}

/** Ironic's text (`get_last_error` in `ironic/conductor/cleaning.py`). @param what `clean` or `service` */
export function abortText({ api_step }: Pick<Operation, 'api_step'>, what: string): string {
  const where = api_step ? ` during or after the completion of step "${api_step.interface}.${api_step.step}"` : '';
  return `By request, the ${what} operation was aborted${where}`;
}

type Shown = Pick<Node, 'uuid' | 'provision_state' | 'last_error'>;
type Known = Pick<Definition, 'kind' | 'failure' | 'abortedAs' | 'transitions' | 'leadsToPower' | 'request'>;

export class LastErrors {
  readonly #definitions: ReadonlyMap<string, Known>;

  constructor(definitions: readonly Known[]) {
    this.#definitions = new Map(definitions.map((each) => [each.kind, each]));
  }

  /** The `last_error` that remains when a power error has cleared. */
  async besidePower(trx: Store, { uuid, provision_state, last_error }: Shown): Promise<string | null> {
    if (!isFailedState(provision_state)) return null;
    const [failed] = await trx.operations.list(
      { node_uuid: uuid, kind: this.#kinds(({ transitions }) => transitions.length > 0), state: 'failed' },
      { orderBy: 'ended_at', descending: true, limit: 1 },
    );
    // Operations are pruned after a time; after that the stored text stays.
    if (!failed) return last_error;
    const { failure, abortedAs } = this.#definitions.get(failed.kind) ?? {};
    if (abortedAs && failed.fault?.code === 'cancelled') return abortText(failed, abortedAs);
    return failureReport({ fault: failed.fault, context: contextOf(failed) }, failure);
  }

  /** A machine may reach its target after the timeout. @returns the changes to its node, now seen in that state */
  async powerErrorOver(trx: Store, uuid: string, seen: PowerState): Promise<Partial<Pick<Node, 'last_error'>>> {
    const [node] = await trx.nodes.pick(['uuid', 'provision_state', 'last_error'], { uuid });
    if (!node?.last_error) return {};
    const [last] = await trx.operations.list(
      { node_uuid: uuid, kind: this.#kinds(({ leadsToPower }) => leadsToPower !== undefined) },
      { orderBy: 'created_at', descending: true, limit: 1 },
    );
    if (last?.state !== 'failed' || node.last_error !== failureText(last)) return {};
    return this.#targetOf(last) === seen ? { last_error: await this.besidePower(trx, node) } : {};
  }

  #targetOf({ kind, request }: Operation): PowerState | undefined {
    const definition = this.#definitions.get(kind);
    return definition && fits(definition.request, request) ? definition.leadsToPower?.(request) : undefined;
  }

  #kinds(test: (definition: Known) => boolean): string[] {
    return [...this.#definitions.values()].filter(test).map(({ kind }) => kind);
  }
}
