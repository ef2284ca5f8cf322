/** All operations. The provision states' transitions and the verbs of the API are put together from them. */
import type { ProvisionState, Transition } from '#domain/provision-states.ts';
import type { Definition, Verb } from '../worker/define-operation.ts';
import { LastErrors } from '../worker/last-error.ts';
import { ProvisionStateMachine } from '../worker/provision-state-machine.ts';
import { adopt } from './adopt.ts';
import { childStep } from './child-step.ts';
import { clean } from './clean.ts';
import { deletion } from './delete.ts';
import { deploy } from './deploy.ts';
import { inspect } from './inspect.ts';
import { plainVerbs } from './plain-verbs.ts';
import { power } from './power.ts';
import { rebuild } from './rebuild.ts';
import { service } from './service.ts';
import { verify } from './verify.ts';

export const operations = {
  ...{ deploy, rebuild, delete: deletion, clean, service, inspect, verify, adopt, power },
  [childStep.kind]: childStep,
} as const;

export type OperationKind = keyof typeof operations;

/** The same, where the kind is not known before. */
export const definitions: Readonly<Record<string, Definition>> = operations;

export type KindVerb = Verb & { readonly kind: string | undefined };

/** Verbs that begin an operation come first: a plain one of the same name is for the nodes that need none. */
export const verbs: readonly KindVerb[] = [
  ...Object.values(definitions).flatMap(({ kind, verbs }) => verbs.map((verb) => ({ ...verb, kind }))),
  ...plainVerbs.map((verb) => ({ ...verb, kind: undefined })),
];

/** All transitions: those of the verbs, then the internal events. */
export const transitionTable: readonly Transition[] = [
  ...verbs
    .filter(({ when }) => !when)
    .flatMap(({ name, from, to }) => from.map((state: ProvisionState) => ({ from: state, event: name, to }))),
  ...Object.values(definitions).flatMap(({ transitions }) => transitions),
];

export const provisionStateMachine = new ProvisionStateMachine(transitionTable);

export const lastErrors = new LastErrors(Object.values(definitions));
