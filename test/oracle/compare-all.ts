/** Sends all rows to both services sequentially, and reports the differences. */
import { differencesFromDefault, judge, type Reply, type Verdict } from './compare.ts';
import { differenceTable } from './differences.ts';
import { asksOf, chosen, clear, prepare } from './fixture.ts';
import { requestTable } from './requests.ts';
import type { Row } from './row.ts';
import type { Service } from './service.ts';

export type Pair = { readonly ironic: Service; readonly ingot: Service };

/** @param words parts of row names; none = all rows @returns whether all results match the table */
export async function compareAll(pair: Pair, words: readonly string[]): Promise<boolean> {
  const rows = requestTable.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  const counts = { same: 0, differs: 0, wrong: 0 };
  for (const row of rows) {
    const { result, words: reported } = await compare(pair, row);
    counts[result] += 1;
    process.stdout.write(`${result.padEnd(8)}${row.name}${reported && `\n        ${reported.replaceAll('\n', '\n        ')}`}\n`);
  }
  const { same, differs, wrong } = counts;
  process.stdout.write(`${rows.length} requests: ${same} the same, ${differs} differ with a reason, ${wrong} wrong\n`);
  return wrong === 0 && rows.length > 0;
}

async function compare(pair: Pair, row: Row): Promise<Verdict> {
  try {
    await both(pair, (service) => prepare(service, row.given ?? {}));
    const [ironic, ingot] = await both(pair, async (service) => {
      const replies = [];
      for (const ask of asksOf(row)) replies.push(await service.ask(ask));
      return replies;
    });
    const found = ironic.flatMap((reply, index) => {
      const own = ingot[index];
      const place = index === 0 ? '' : 'afterwards.';
      return own ? differencesFromDefault(reply, own, chosen).map((each) => ({ ...each, at: `${place}${each.at}` })) : [];
    });
    const { sees } = row;
    const seen = sees
      ? found.filter(({ at }) => at === 'status' || sees.some((place) => place.startsWith(at) || at.startsWith(place)))
      : found;
    const verdict = judge(seen, differenceTable[row.name]);
    if (verdict.result !== 'wrong') return verdict;
    const said = [...ironic.map((reply) => `Ironic: ${inShort(reply)}`), ...ingot.map((reply) => `Ingot: ${inShort(reply)}`)];
    return { ...verdict, words: [verdict.words, ...said].join('\n') };
  } catch (error) {
    return { result: 'wrong', words: (error as Error).message };
  } finally {
    await both(pair, clear);
  }
}

/** For an error, its message. */
function inShort({ status, body }: Reply): string {
  const words = /(?:faultstring|description)\\": ?\\"(.*?)\\"[,}]/.exec(body)?.[1] ?? body;
  return `${status} ${words.slice(0, 4000)}`;
}

function both<T>({ ironic, ingot }: Pair, work: (service: Service) => Promise<T>): Promise<[T, T]> {
  return Promise.all([work(ironic), work(ingot)]);
}
