/** Sends the generated requests to both services and compares status, form of errors, and members of replies with their types. */
import { differencesFromDefault, type Reply } from '../compare.ts';
import type { Pair } from '../compare-all.ts';
import { asWords, Excuses } from './excuses.ts';
import { patchesOf, type Request, requestsOf, walkedRoutes } from './requests.ts';
import { changedBy, identTable, make, remove } from './resources.ts';

type Counts = { same: number; differs: number; wrong: number };

const known: ReadonlySet<string> = new Set(Object.values(identTable));

/** @param words parts of names; none = all @returns whether all differences have a reason, and all reasons a difference */
export async function walk(pair: Pair, words: readonly string[]): Promise<boolean> {
  const excuses = new Excuses();
  const table = new Map<string, Counts>();
  await both(pair, (service) => remove(service));
  await both(pair, (service) => make(service));
  for (const request of await chosen(pair, words)) {
    const counts = table.get(request.route) ?? { same: 0, differs: 0, wrong: 0 };
    counts[await compare(pair, request, excuses)] += 1;
    table.set(request.route, counts);
  }
  await both(pair, (service) => remove(service));
  const unused = words.length > 0 ? [] : excuses.unused();
  for (const name of unused) process.stdout.write(`nothing differs for this reason: ${name}\n`);
  return summary(table) && unused.length === 0;
}

async function chosen({ ironic }: Pair, words: readonly string[]): Promise<Request[]> {
  const requests: Request[] = [];
  for (const row of walkedRoutes()) {
    requests.push(...requestsOf(row));
    if (row.method !== 'PATCH') continue;
    const [plain] = requestsOf(row);
    if (plain) requests.push(...patchesOf(row, await ironic.get({ method: 'GET', path: plain.ask.path })));
  }
  return requests.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
}

async function compare(pair: Pair, { name, ask }: Request, excuses: Excuses): Promise<keyof Counts> {
  const [ironic, ingot] = await both(pair, (service) => service.ask(ask));
  // What was changed is made anew.
  if (ask.method !== 'GET' && (ironic.status < 400 || ingot.status < 400)) {
    const kinds = changedBy(ask.path);
    await both(pair, (service) => remove(service, kinds));
    await both(pair, (service) => make(service, kinds));
  }
  const found = differencesFromDefault(shaped(ironic), shaped(ingot), known);
  if (found.length === 0) return 'same';
  const without = found.filter((each) => !excuses.covers(name, each));
  if (without.length === 0) return 'differs';
  const said = [ironic, ingot].map(({ status, body }) => `${status} ${body.slice(0, 400)}`);
  process.stdout.write(`wrong ${name}\n${asWords(without)}        Ironic: ${said[0]}\n        Ingot: ${said[1]}\n`);
  return 'wrong';
}

/** With types in place of values. */
function shaped(reply: Reply): Reply {
  if (reply.status >= 400) return reply;
  try {
    return { ...reply, body: JSON.stringify(shapeOf(JSON.parse(reply.body))) };
  } catch {
    return reply;
  }
}

function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shapeOf(item)]));
}

function summary(table: ReadonlyMap<string, Counts>): boolean {
  const total = { same: 0, differs: 0, wrong: 0 };
  for (const [route, { same, differs, wrong }] of table) {
    process.stdout.write(`${route}: ${same} the same, ${differs} differ with a reason, ${wrong} wrong\n`);
    total.same += same;
    total.differs += differs;
    total.wrong += wrong;
  }
  const { same, differs, wrong } = total;
  process.stdout.write(`${same + differs + wrong} requests: ${same} the same, ${differs} differ with a reason, ${wrong} wrong\n`);
  return wrong === 0 && same > 0;
}

function both<T>({ ironic, ingot }: Pair, work: (service: Pair['ironic']) => Promise<T>): Promise<[T, T]> {
  return Promise.all([work(ironic), work(ingot)]);
}
