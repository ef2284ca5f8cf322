/**
 * Polls power states with Ingot's own IPMI client, in a process of its own so that its processor time is its own:
 *     node poll-worker.ts FARM_STATE_DIR (kept | new) MACHINES SECONDS AT_ONCE
 * Prints one JSON line: polls, failures, seconds, processor seconds.
 */
import { readFarm } from '#lab/farm/farm-record.ts';
import { getChassisStatus } from '#wire/ipmi/chassis-commands.ts';
import { type IpmiClient, openIpmiClient } from '#wire/ipmi/client.ts';
import { openSharedUdp } from '#wire/udp/shared-udp.ts';

const [, , folder = '', way = '', machineCount = '', secondCount = '', atOnce = ''] = process.argv;
const sockets = openSharedUdp();
const machines = (readFarm(folder)?.machines ?? []).slice(0, Number(machineCount));
const connect = ({ address, port, user, password }: (typeof machines)[number]) =>
  openIpmiClient({ address, port, user, password, privilege: 'administrator' }, sockets);
const power = (client: IpmiClient) => client.request(getChassisStatus, {});

const kept = machines.map(connect);
const newSession = async (index: number) => {
  const client = connect(machines[index] as (typeof machines)[number]);
  await power(client).finally(() => client.close());
};
const pollTable: Record<string, (index: number) => Promise<unknown>> = {
  kept: (index) => power(kept[index] as IpmiClient),
  new: newSession,
};
const poll = pollTable[way];
if (!poll || machines.length === 0) throw new Error(`cannot poll ${machines.length} machines with '${way}' sessions`);

// Warm-up: sessions are opened and code is compiled before the measurement.
await Promise.all(machines.map((_, index) => poll(index)));

let next = 0;
let polls = 0;
let failures = 0;
const begun = performance.now();
const before = process.cpuUsage();
const end = begun + Number(secondCount) * 1000;
async function work(): Promise<void> {
  while (performance.now() < end) {
    next = (next + 1) % machines.length;
    await poll?.(next).then(
      () => (polls += 1),
      () => (failures += 1),
    );
  }
}
await Promise.all(Array.from({ length: Math.min(Number(atOnce), machines.length) }, work));
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - begun) / 1000;
process.stdout.write(`${JSON.stringify({ polls, failures, seconds, cpuSeconds: (user + system) / 1e6 })}\n`);
await Promise.all(kept.map((client) => client.close()));
sockets.close();
