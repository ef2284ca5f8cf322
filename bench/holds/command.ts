/** `ingot bench holds`: how long lists of large records block other requests. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { parseOptions } from '#commands/options.ts';
import { heldBy } from '#test/fuzz/targets.ts';
import { adminPassword, openLargeRecords } from '#test/large-records.ts';

const longestMs = 50;

const usage = `Usage: npm run bench -- holds [--count N]

Fills a database in a temporary folder with servers and images that carry as much as they may, then prints for each list how long
it held the event loop at most, in processor milliseconds (the least of three tries). More than ${longestMs} ms: the exit code is 1.

  --count N   servers instead of 1000
`;

const tries = 3;
const headers = { 'openstack-api-version': 'compute 2.90' };
const routes = [
  '/compute/v2.1/servers',
  '/compute/v2.1/servers?sort_key=name',
  '/compute/v2.1/servers?ip=10.',
  '/compute/v2.1/servers/detail',
  '/compute/v2.1/servers/detail?flavor=f1',
  '/network/v2.0/ports',
  '/compute/v2.1/os-hypervisors/detail',
  '/compute/v2.1/os-baremetal-nodes',
  '/compute/v2.1/os-simple-tenant-usage?detailed=1',
  '/image/v2/images?limit=1000',
  '/image/v2/images?limit=1000&none=such',
];

export async function runHoldsBench(args: string[]): Promise<number> {
  const { flags, isHelp } = parseOptions(args, { valueNames: ['count'] });
  if (isHelp) {
    process.stdout.write(usage);
    return 0;
  }
  const servers = Number(flags['count'] ?? 1000);
  if (!Number.isSafeInteger(servers) || servers < 1) throw new Error(`--count must be a whole number, not '${flags['count']}'`);
  const { fixture } = await openLargeRecords({ servers, images: 300 }, { onDisk: true });
  try {
    const token = await fixture.logIn('admin', adminPassword);
    const { url: base } = await fixture.listen();
    process.stdout.write('  held ms     bytes  list\n');
    let longest = 0;
    for (const url of routes) longest = Math.max(longest, await measure(base + url, token));
    return longest > longestMs ? 1 : 0;
  } finally {
    await fixture.close();
  }
}

async function measure(url: string, token: string): Promise<number> {
  let [least, bytes] = [Number.POSITIVE_INFINITY, 0];
  for (let left = tries; left > 0; left -= 1) {
    const { result, heldMs } = await heldBy(() => bytesOf(url, token));
    least = Math.min(least, heldMs);
    bytes = result;
  }
  process.stdout.write(`${least.toFixed(1).padStart(9)}${String(bytes).padStart(10)}  ${url.replace(/^http:..[^/]+/, '')}\n`);
  return least;
}

/** The response is counted in chunks: assembling it would take time of this process. */
async function bytesOf(url: string, token: string): Promise<number> {
  const [response] = (await once(get(url, { headers: { ...headers, 'x-auth-token': token } }), 'response')) as [IncomingMessage];
  if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode}`);
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length;
  return bytes;
}
