/**
 * The shape of an operation's definition: one value per kind, in operations/<kind>.ts. It holds everything that is
 * specific to the kind; engine and APIs derive their tables from the list in operations/registry.ts.
 */
import type { Static, TObject } from 'typebox';
import type { JsonObject } from '#domain/json.ts';
import type { LockKind } from '#domain/lock-kinds.ts';
import type { PowerState } from '#domain/power-states.ts';
import type { ProvisionState, Transition } from '#domain/provision-states.ts';
import type { CallOptions, Drivers, NodeFacts, Step } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { InspectionRule } from '#store/tables/inspection-rules.ts';
import type { Node } from '#store/tables/nodes.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { EngineSettings } from '../settings.ts';
import type { BaseContext, BaseRequest, OperationWith } from './base-context.ts';
import type { ImageFetcher } from './image-fetcher.ts';
import type { ProvisionStateMachine } from './provision-state-machine.ts';

export type NewOperation = Pick<Operation, 'kind' | 'purpose' | 'node_uuid' | 'server_id' | 'request'>;
/** @param handedOverBy the operation that ends and hands the node over, if any */
export type BeginOperation = (trx: Store, request: NewOperation, handedOverBy?: string | null) => Promise<Operation>;

/** In milliseconds. */
export type CleanTimes = {
  /** Poll interval for the progress of a BMC. */
  readonly poll: number;
  /** How long a BMC may keep responding after a restart request. */
  readonly lastWords: number;
  /** How long to wait for a new version if Ingot was ended while it sent a firmware update. */
  readonly flash: number;
};

/** What the definitions use of the engine. */
export type OperationParts = {
  readonly store: Store;
  readonly drivers: Drivers;
  readonly fetcher: ImageFetcher;
  readonly settings: EngineSettings;
  /** Inspection rules beside those in the store. */
  readonly builtInRules: readonly InspectionRule[];
  readonly consoles: {
    clearRecord(nodeUuid: string): Promise<void>;
    log(nodeUuid: string, lines?: number): Promise<string | null>;
  };
  readonly bootStates: { ask(node: Node & NodeFacts, options: CallOptions): Promise<unknown> };
  /** Operations on other nodes, which a step begins and waits for; see `awaited_by` in base-context.ts. */
  readonly others: {
    /** @param check in the transaction that begins it. @throws Fault `nodeBusy`, `nodeLocked`, or what `check` throws */
    begin(request: NewOperation, check: (trx: Store) => Promise<void>): Promise<void>;
    /** Ends it, if its step must not be interrupted once that has ended. */
    abort(id: string): Promise<void>;
  };
  readonly states: ProvisionStateMachine;
  readonly lastErrors: {
    besidePower(trx: Store, node: Pick<Node, 'uuid' | 'provision_state' | 'last_error'>): Promise<string | null>;
  };
  /** Tests shorten them. */
  readonly cleanTimes?: CleanTimes;
};

export type EndParts = OperationParts & {
  /** Begins an operation that takes the node over. */
  readonly begin: BeginOperation;
};

/** A verb of `PUT /v1/nodes/{node}/states/provision`. */
export type Verb<R = unknown> = {
  readonly name: string;
  /** Minor microversion of Ironic's API that introduced it. */
  readonly since: number;
  /** Later names of the same verb. */
  readonly aliases?: readonly { readonly name: string; readonly since: number }[];
  readonly from: readonly ProvisionState[];
  readonly to: ProvisionState;
  /** The state that the operation leads to: Ironic's `target_provision_state`. */
  readonly target?: ProvisionState;
  /** Argument of the request that must be present. */
  readonly requires?: 'clean_steps' | 'service_steps';
  /** Also for a node with a server of the compute API, which remains. */
  readonly keepsInstance?: true;
  /** Refused for a node in maintenance; how Ironic's text names what it begins. */
  readonly notInMaintenance?: string;
  /** Further changes of the node. */
  readonly patch?: Partial<Node>;
  /** The field that gets the time of the request. */
  readonly begins?: 'inspection_started_at';
  /**
   * What it does in place of beginning its operation with `request`: changes the node's instance, ends the running
   * operation, which then leads to `to`, ends its hold, or ends a held operation in favour of that of `request`.
   */
  readonly acts?: 'deploy-instance' | 'delete-instance' | 'cancel' | 'unhold' | 'replace';
  /**
   * Only for some nodes, in place of a plain transition of the same name, and therefore no transition of its own.
   */
  readonly when?: (node: Node, settings: EngineSettings) => boolean;
  /** The operation's request, in the transaction that begins it. Throws `badRequest` for invalid arguments. */
  readonly request?: (node: Node, given: VerbArguments) => (R & JsonObject) | Promise<R & JsonObject>;
};
export type VerbArguments = {
  readonly trx: Store;
  readonly drivers: Drivers;
  readonly settings: EngineSettings;
  /** Steps as the client, or the runbook that it names, gives them. */
  readonly steps: unknown;
  readonly disableRamdisk?: boolean | undefined;
  /** The node's child nodes, if steps are for them. */
  readonly children?: readonly Node[] | undefined;
};

/** How the APIs show the operation. */
export type ShownAs<R = unknown> = {
  /** The node field that shows its current step. */
  readonly ironic: { readonly step?: 'clean_step' | 'deploy_step' | 'service_step' };
  readonly nova: {
    /** Name in the server's list of instance actions. */
    action(request: R): string;
    /** The status of a server by its task state and vm_state, where the task changes it. */
    readonly statuses?: readonly { readonly task: string; readonly status: string; readonly in: readonly string[] }[];
  };
};

export type Definition<K extends string = string, R extends TObject = TObject, C extends TObject = TObject> = {
  readonly kind: K;
  /** The request, fixed at the start. */
  readonly request: R;
  /** What its steps keep for later steps, beside the machinery's own (base-context.ts). */
  readonly context: C;
  readonly verbs: readonly Verb<Static<R>>[];
  /** Internal events that change the provision state; those of the verbs are derived from them. */
  readonly transitions: readonly Transition[];
  /** In `last_error`, before the step and the cause: `Deploy failed at "write image": …`. Absent = the cause alone. */
  readonly failure?: string;
  /** The operation in Ironic's text of an aborted one. Absent = an abort is reported as a failure. */
  readonly abortedAs?: string;
  readonly shownAs: ShownAs<Static<R>>;
  /** The kinds of locks that forbid it to start; absent: each, for what switches the machine or changes its contents. */
  readonly forbiddenBy?: readonly LockKind[];
  /** The power state after it, if that is what the operation is for. */
  leadsToPower?(request: Static<R>): PowerState;
  /** The steps. They depend on the request only, so that a restart builds the same list. */
  steps(operation: OperationOf<R, C>, parts: OperationParts): readonly Step[];
  /** Schema of what the steps of a driver keep; absent = nothing. */
  driverContext?(operation: OperationOf<R, C>, parts: OperationParts): TObject | undefined;
  /**
   * The rollback steps after a failure: best effort, each is tried. The parts of the context they depend on must not
   * change during the rollback. Absent = nothing to roll back.
   */
  undo?(operation: OperationOf<R, C>, parts: OperationParts): readonly Step[];
  /**
   * Writes the result to node and server, in the transaction that ends the operation.
   * @returns operations begun there that take over the node (delete → clean)
   */
  ended(trx: Store, operation: OperationOf<R, C>, parts: EndParts): Promise<Operation[]>;
};

export type OperationOf<R extends TObject, C extends TObject> = OperationWith<
  BaseRequest & Static<R>,
  BaseContext & Partial<Static<C>>
>;

export function defineOperation<const K extends string, R extends TObject, C extends TObject>(
  definition: Definition<K, R, C>,
): Definition<K, R, C> {
  return definition;
}

type Fields = Pick<NewOperation, 'purpose' | 'node_uuid'> & { server_id?: string | null };

/** An operation to be begun, with the request that its definition declares. */
export function newOperation<K extends string, R extends TObject>(
  { kind }: Pick<Definition<K, R>, 'kind' | 'request'>,
  fields: Fields & { request: BaseRequest & Static<R> & JsonObject },
): NewOperation {
  return { server_id: null, ...fields, kind, request: fields.request };
}
