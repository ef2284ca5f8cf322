/** docs/states.md: the provision states, made from the table of the operations. */
import { isFailedState, type ProvisionState, provisionStates } from '#domain/provision-states.ts';
import { transitionTable, verbs } from '#engine/operations/registry.ts';

type Arrow = { readonly from: ProvisionState; readonly to: ProvisionState; readonly event: string };

const states = Object.keys(provisionStates) as ProvisionState[];

/** Verbs for some nodes only are no rows of the table. */
const arrows: readonly Arrow[] = [
  ...transitionTable,
  ...verbs.filter(({ when }) => when).flatMap(({ name, from, to }) => from.map((state) => ({ from: state, to, event: name }))),
];

/** Mermaid, as GitHub renders it. */
export function stateDiagram(): string {
  const names = states.filter((state) => state.includes(' ')).map((state) => `    state "${state}" as ${idOf(state)}`);
  const byEnds = Map.groupBy(arrows, ({ from, to }) => `    ${idOf(from)} --> ${idOf(to)}`);
  const lines = [...byEnds].map(([ends, group]) => `${ends}: ${[...new Set(group.map(({ event }) => event))].join(', ')}`);
  return ['```mermaid', 'stateDiagram-v2', `    [*] --> ${idOf('enroll')}`, ...names, ...lines, '```'].join('\n');
}

const idOf = (state: ProvisionState) => state.replaceAll(/[^a-z]/g, '_');

/** Cells of a line for each state: name, explanation, its verbs with the states they lead to. */
export function stateLines(): string[][] {
  return states.map((state) => {
    const { explanation } = provisionStates[state];
    const own = verbs
      .filter(({ from }) => from.includes(state))
      .map(({ name, to, target }) => `\`${name}\` → ${goalOf(to, target)}`);
    return [`\`${state}\``, explanation, isFailedState(state) ? '✓' : '', [...new Set(own)].join(', ')];
  });
}

function goalOf(to: ProvisionState, target: ProvisionState | undefined): string {
  return target === undefined || target === to ? to : `${to}, then ${target}`;
}
