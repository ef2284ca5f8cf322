/** `ingot bench bodies`: how long the largest body of each route blocks other requests. */
import { parseOptions } from '#commands/options.ts';
import { heldBy, type LargeBody, largestBodies, openFullApi, send } from '#test/fuzz/targets.ts';

const usage = `Usage: npm run bench -- bodies [--only TEXT]

Sends every route of the API the largest, widest and deepest bodies that it reads, and prints for each route the body that held the
event loop longest, in processor milliseconds (the least of three tries). More than ${50} ms is a fault: the exit code is 1.

  --only TEXT   routes whose method and path contain it
`;

const longestMs = 50;
/** A single slow run may be due to garbage collection or the compiler. */
const tries = 3;
const worthAnotherMs = 10;

type Finding = { large: LargeBody; heldMs: number; bytes: number; status: number };

export async function runBodiesBench(args: string[]): Promise<number> {
  const { flags, isHelp } = parseOptions(args, { valueNames: ['only'] });
  if (isHelp) {
    process.stdout.write(usage);
    return 0;
  }
  const api = await openFullApi();
  const worst = new Map<string, Finding>();
  let count = 0;
  for (const large of largestBodies(api)) {
    const route = `${large.method} ${large.route}`;
    if (!route.includes(flags['only'] ?? '')) continue;
    const finding = await measure(api, large);
    count += 1;
    if (finding.heldMs > longestMs) process.stderr.write(`==> ${lineOf(route, finding)}`);
    if (finding.heldMs > (worst.get(route)?.heldMs ?? -1)) worst.set(route, finding);
  }
  await api.fixture.close();
  const order = [...worst].sort(([, one], [, other]) => other.heldMs - one.heldMs);
  process.stdout.write(`${count} bodies to ${worst.size} routes\n\n  held ms     bytes  status  route, place and kind\n`);
  for (const [route, finding] of order) process.stdout.write(lineOf(route, finding));
  return order.some(([, { heldMs }]) => heldMs > longestMs) ? 1 : 0;
}

async function measure(api: Awaited<ReturnType<typeof openFullApi>>, large: LargeBody): Promise<Finding> {
  const payload = large.make();
  let finding: Finding | undefined;
  for (let left = tries; left > 0; left -= 1) {
    const { result, heldMs } = await heldBy(() => send(api, large, payload));
    await api.fixture.quiet();
    if (!finding || heldMs < finding.heldMs) finding = { large, heldMs, bytes: payload.length, status: result.status };
    if (finding.heldMs < worthAnotherMs) break;
  }
  return finding as Finding;
}

function lineOf(route: string, { large, heldMs, bytes, status }: Finding): string {
  return `${heldMs.toFixed(1).padStart(9)}${String(bytes).padStart(10)}${String(status).padStart(8)}  ${route}  ${large.how}\n`;
}
