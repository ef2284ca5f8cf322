/** The operations as the APIs of Ironic and Nova show them. */
import type { Operation } from '#store/tables/operations.ts';
import { fits } from '../worker/base-context.ts';
import type { Verb } from '../worker/define-operation.ts';
import { definitions, verbs } from './registry.ts';

export type ProvisionVerb = Pick<Verb, 'name' | 'since' | 'requires'>;

type NamedVerb = ProvisionVerb & { readonly asked: string; readonly from: Verb['from'] };

/** With the later names of each verb. */
const provisionVerbs: readonly NamedVerb[] = verbs.flatMap(({ name, since, aliases = [], requires, from }) =>
  [{ name, since }, ...aliases].map((named) => ({
    ...{ asked: named.name, name, since: named.since, from },
    ...(requires && { requires }),
  })),
);

/** A verb of `PUT /v1/nodes/{node}/states/provision`, as it is in this state; undefined: there is none of that name. */
export function findProvisionVerb(asked: string, state: Verb['to']): ProvisionVerb | undefined {
  const named = provisionVerbs.filter((verb) => verb.asked === asked);
  return named.find(({ from }) => from.includes(state)) ?? named.at(-1);
}

export type StepField = 'clean_step' | 'deploy_step' | 'service_step';

/** The node field that shows the operation's current step. */
export function stepFieldOf({ kind }: Pick<Operation, 'kind'>): StepField | undefined {
  return shownAs(kind)?.ironic.step;
}

/** The name of the operation among a server's instance actions. */
export function instanceActionOf({ kind, request }: Pick<Operation, 'kind' | 'request'>): string {
  const definition = Object.hasOwn(definitions, kind) ? definitions[kind] : undefined;
  return definition && fits(definition.request, request) ? definition.shownAs.nova.action(request) : kind;
}

/** Server statuses by task state, for servers in this vm_state. */
export function taskStatuses(vmState: string): Record<string, string> {
  const rows = Object.values(definitions).flatMap(({ shownAs }) => shownAs.nova.statuses ?? []);
  const fitting = rows.filter((row) => row.in.includes(vmState));
  return Object.fromEntries(fitting.map(({ task, status }) => [task, status]));
}

function shownAs(kind: string) {
  return Object.hasOwn(definitions, kind) ? definitions[kind]?.shownAs : undefined;
}
