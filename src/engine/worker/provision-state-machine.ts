/** The provision states of a node: which transitions there are, and applying them. */
import type { ProvisionState, Transition } from '#domain/provision-states.ts';
import type { Store } from '#store/store.ts';
import type { Node } from '#store/tables/nodes.ts';

export class ProvisionStateMachine {
  readonly #transitions: readonly Transition[];

  constructor(transitions: readonly Transition[]) {
    this.#transitions = transitions;
  }

  /** The state that `event` leads to from `from`; undefined if there is no such transition. */
  next(from: ProvisionState, event: string): ProvisionState | undefined {
    return this.#transitions.find((row) => row.from === from && row.event === event)?.to;
  }

  /** As `next`; a wait state counts as its working state. */
  nextWorking(from: ProvisionState, event: string): ProvisionState | undefined {
    return this.next(from, event) ?? this.next(this.next(from, 'resume') ?? from, event);
  }

  /** The events allowed in a state, for error messages. */
  eventsFrom(from: ProvisionState): string[] {
    return this.#transitions.filter((row) => row.from === from).map((row) => row.event);
  }

  /** Applies an event to a node, if there is such a transition, and the other changes in any case. */
  async apply(trx: Store, uuid: string, event: string, patch: Partial<Node> = {}): Promise<void> {
    const [node] = await trx.nodes.pick(['provision_state'], { uuid });
    if (!node) return;
    const state = this.nextWorking(node.provision_state, event);
    const now = new Date().toISOString();
    const moved = state && { provision_state: state, target_provision_state: null, provision_updated_at: now };
    await trx.nodes.update({ uuid }, { ...moved, updated_at: now, ...patch });
  }
}
