/** Sends the steps of all scenarios to both sides, and reports the differences. */
import { type Deviation, judge, type Reply, type Verdict } from '../oracle/compare.ts';
import { differencesOf } from './compare.ts';
import { differenceTable, kindTable } from './differences.ts';
import type { Kind } from './kind.ts';
import type { Scenario, Step } from './scenario.ts';
import { scenarioTable } from './scenarios.ts';
import type { Side } from './side.ts';

export type Pair = { readonly peer: Side; readonly ingot: Side };

/** @param words parts of scenario names; none = all @returns whether all results are as the tables say */
export async function runScenarios(pair: Pair, password: string, words: readonly string[]): Promise<boolean> {
  const chosen = scenarioTable.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  const used = new Set<Kind>();
  const counts = { same: 0, differs: 0, wrong: 0 };
  for (const scenario of chosen) {
    await Promise.all([pair.peer.begin(password), pair.ingot.begin(password)]);
    for (const step of scenario.steps) {
      const { result, words: reported } = await runStep(pair, scenario, step, used);
      counts[result] += 1;
      const lines = reported && `\n        ${reported.replaceAll('\n', '\n        ')}`;
      process.stdout.write(`${result.padEnd(8)}${keyOf(scenario, step)}${lines}\n`);
    }
  }
  const { same, differs, wrong } = counts;
  const unused = words.length === 0 ? kindTable.filter((kind) => !used.has(kind)) : [];
  for (const { at, why } of unused) process.stdout.write(`wrong   the kind ${at} covers nothing: ${why}\n`);
  const sum = same + differs + wrong;
  process.stdout.write(`${sum} requests: ${same} the same, ${differs} differ with a reason of their own, ${wrong} wrong\n`);
  return wrong === 0 && unused.length === 0 && sum > 0;
}

export const keyOf = (scenario: Scenario, { method, name }: Step) => `${scenario.name}: ${method} ${name}`;

async function runStep({ peer, ingot }: Pair, scenario: Scenario, step: Step, used: Set<Kind>): Promise<Verdict> {
  const service = step.service ?? scenario.service;
  const replies = await Promise.all([peer.ask(service, step), ingot.ask(service, step)]);
  const [one, other] = replies;
  const found = differencesOf(step, { reply: one, side: peer }, { reply: other, side: ingot });
  const verdict = judge(withoutKinds(found, scenario, step, used), differenceTable[keyOf(scenario, step)]);
  if (verdict.result !== 'wrong') return verdict;
  return { ...verdict, words: [verdict.words, `peer: ${inShort(one)}`, `Ingot: ${inShort(other)}`].join('\n') };
}

function withoutKinds(found: readonly Deviation[], scenario: Scenario, step: Step, used: Set<Kind>): Deviation[] {
  const rows = kindTable.filter(
    ({ service, steps }) => service === (step.service ?? scenario.service) && (steps?.test(keyOf(scenario, step)) ?? true),
  );
  return found.filter((each) => {
    const kind = rows.find((row) => row.at.test(each.at) && (row.holds?.(each) ?? true));
    if (kind) used.add(kind);
    return kind === undefined;
  });
}

const inShort = ({ status, body }: Reply) => `${status} ${body.slice(0, 2000)}`;
