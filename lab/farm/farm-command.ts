/** `ingot lab farm`: a farm of BMCs from the command line. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readChanges } from '../bmc-profile-changes.ts';
import { nodesFile } from '../nodes-file.ts';
import { connectFarm, defaultFarmDir, type Farm, farmFile, startFarm } from './farm.ts';

export const farmHelp = `Usage: ingot lab farm [--count N] [OPTIONS]      starts it and stays until Ctrl-C
       ingot lab farm --counters|--flip N|--stop       speaks to the one that runs

Thousands of virtual BMCs without machines, for load tests: one process, on addresses of 127.0.0.0/8.

  --count N               BMCs (100); they speak IPMI on UDP 623 and need root for it
  --redfish N             so many of them speak Redfish (HTTP) as well (0)
  --bmc-profile NAME=SHARE  so large a part of them behaves like lab/bmc-profiles/NAME.json; again for more
  --seed N                who behaves how, and what is switched on at first, follow from it (1)
  --address ADDRESS       the first one (127.64.0.1)
  --port N                UDP port of each (623)
  --redfish-port N        TCP port of each (8000)
  --seconds N             ends by itself after so long

  --counters              commands, logins, sessions, per profile, as JSON
  --flip N                toggles the power of N machines without an event, and prints which
  --set NAME=VALUE        changes the behaviour of all; profile=NAME for a named one
  --stop                  ends it

  --state DIR             folder of farm.json, which has addresses and passwords, and of nodes.json, which
                          \`openstack baremetal create\` takes (.cache/farm)
`;

const options = {
  count: { type: 'string' },
  redfish: { type: 'string' },
  profile: { type: 'string', multiple: true },
  seed: { type: 'string' },
  address: { type: 'string' },
  port: { type: 'string' },
  'redfish-port': { type: 'string' },
  seconds: { type: 'string' },
  counters: { type: 'boolean' },
  flip: { type: 'string' },
  set: { type: 'string', multiple: true },
  stop: { type: 'boolean' },
  state: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Values = ReturnType<typeof parse>;

function parse(args: string[]) {
  return parseArgs({ args, options }).values;
}

/** `args` begin after `farm`. @returns the exit code. @throws RangeError or parseArgs' error for wrong arguments. */
export async function runFarmCommand(args: string[]): Promise<number> {
  const values = parse(args);
  if (values.help) return show(farmHelp);
  const stateDir = resolve(values.state ?? defaultFarmDir);
  if (values.counters || values.flip !== undefined || values.set || values.stop) return speak(stateDir, values);
  return run(stateDir, values);
}

async function run(stateDir: string, values: Values): Promise<number> {
  const begun = performance.now();
  const farm = await startFarm({
    stateDir,
    count: readNumber('count', values.count),
    redfish: readNumber('redfish', values.redfish),
    profiles: readShares(values.profile ?? []),
    seed: readNumber('seed', values.seed),
    firstAddress: values.address,
    port: readNumber('port', values.port),
    redfishPort: readNumber('redfish-port', values['redfish-port']),
    seconds: readNumber('seconds', values.seconds),
  });
  const { machines } = farm;
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  show(`${machines.length} BMCs answer at ${machines[0]?.address} to ${machines.at(-1)?.address} (${seconds} s).\n`);
  show(`Addresses and passwords: ${farmFile(stateDir)}. To enrol them: openstack baremetal create ${nodesFile(stateDir)}\n`);
  show('Ctrl-C ends the farm.\n');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void farm.stop());
  await new Promise<void>((down) => farm.whenDown(down));
  return show('The farm is down.\n');
}

async function speak(stateDir: string, values: Values): Promise<number> {
  const farm = await connectFarm(stateDir);
  if (!farm) throw new Error(`no farm runs in ${stateDir}; \`ingot lab farm --count N\` starts one`);
  try {
    await carryOut(farm, values);
  } finally {
    farm.disconnect();
  }
  return 0;
}

async function carryOut(farm: Farm, { counters, flip, set, stop }: Values): Promise<void> {
  if (set) await farm.setBmcProfile('all', readChanges(set));
  if (flip !== undefined) show(`${JSON.stringify(await farm.flip(readNumber('flip', flip) ?? 0), null, 2)}\n`);
  if (counters) show(`${JSON.stringify(await farm.counters(), null, 2)}\n`);
  if (stop) await farm.stop();
}

function readShares(words: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    words.map((word) => {
      const [, name, share] = /^([\w.-]+)=([\d.]+)$/.exec(word) ?? [];
      if (!name) throw new RangeError(`--bmc-profile must be NAME=SHARE, e.g. slow=0.05, not '${word}'`);
      return [name, Number(share)];
    }),
  );
}

function readNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new RangeError(`--${name} must be a whole number, not '${text}'`);
  return Number(text);
}

function show(text: string): number {
  process.stdout.write(text);
  return 0;
}
