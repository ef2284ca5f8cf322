/** `ingot lab …`: the virtual rack from the command line. */
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { optionComplaint } from '#domain/option-complaint.ts';
import { readChanges } from './bmc-profile-changes.ts';
import { findBmcProfile } from './bmc-profile-files.ts';
import { mediaDevices, overrideDevices, type PowerCommand, powerCommands } from './control.ts';
import { runFarmCommand } from './farm/farm-command.ts';
import { type BootDevice, bootDevices, networkBoots } from './machine-states.ts';
import { processesIn } from './network.ts';
import { nodesFile } from './nodes-file.ts';
import { connectRack, type MachineStatus, type Rack, type RackOptions, startRack, takeDownRack } from './rack.ts';
import { defaultStateDir } from './rack-plan.ts';
import { type RackRecord, readRecord, recordFile } from './rack-record.ts';
import { runServeCommand } from './serve-command.ts';

const help = `Usage: ingot lab COMMAND [--state DIR]

A virtual rack: servers with real firmware and BMCs (IPMI, Redfish), in a network namespace. Needs root.

  up       starts it and leaves it running
             --machines N     servers (2)
             --disk GIB       size of each disk (8)
             --memory MIB     memory of each server (1024)
             --cpus N         processors of each server (1)
             --nics N         NICs of each server (1)
             --uefi N|all     how many of them, the last ones, have UEFI firmware (0)
             --boot-order A,B what the firmware tries when the BMC says nothing (network,disk)
             --accel NAME     kvm, tcg or auto (auto)
             --bmc-profile MACHINE=NAME
                              its BMC behaves like lab/bmc-profiles/NAME.json; again for more
             --namespace NAME network namespace (ingot-lab)
             --keep-disks     go on with the disks of the last time
  status   shows the servers; --json for programs
  down     ends everything; --wipe deletes disks, consoles and passwords too
  power    MACHINE ${powerCommands.join('|')}: the power button, without the BMC
  boot     MACHINE ${overrideDevices.join('|')}: where its next start boots from; --persistent: each start;
             --http URL: with pxe, by UEFI HTTP boot from there
  network-boot  MACHINE ${networkBoots.join('|')}: what its UEFI firmware does when it boots from the network (pxe)
  medium   MACHINE ${mediaDevices.join('|')} FILE|none: puts a file into its drive; disk and floppy are USB sticks
  console  MACHINE: its serial line; Ctrl-] ends
  set      MACHINE NAME=VALUE…: how its BMC behaves, e.g. silent=true, redfish.etags=none, or profile=slow
  serve    runs Ingot beside the rack: see ingot lab serve --help
  exec     -- COMMAND…: runs it where the servers and BMCs can be reached
  farm     thousands of BMCs without servers, for load tests: see ingot lab farm --help

  --state DIR  folder of disks, consoles, rack.json (all facts, BMC passwords too) and nodes.json, which
               \`openstack baremetal create\` takes (.cache/lab)
`;

const options = {
  state: { type: 'string' },
  namespace: { type: 'string' },
  profile: { type: 'string', multiple: true },
  machines: { type: 'string' },
  disk: { type: 'string' },
  memory: { type: 'string' },
  cpus: { type: 'string' },
  nics: { type: 'string' },
  uefi: { type: 'string' },
  'boot-order': { type: 'string' },
  accel: { type: 'string' },
  'keep-disks': { type: 'boolean' },
  persistent: { type: 'boolean' },
  http: { type: 'string' },
  wipe: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Options = typeof options;
type ValueOf<Option> = Option extends { multiple: true } ? string[] : Option extends { type: 'string' } ? string : boolean;
type Values = { [K in keyof Options]?: ValueOf<Options[K]> };
type Call = { readonly values: Values; readonly words: readonly string[]; readonly stateDir: string };

const commandTable: Record<string, (call: Call) => Promise<number>> = {
  up,
  status,
  down,
  power,
  boot,
  'network-boot': networkBoot,
  medium,
  console: showConsole,
  set,
  exec,
};

/** @returns the exit code: 0 done, 1 failed, 2 wrong usage */
export async function runLabCommand(args: string[]): Promise<number> {
  try {
    if (args[0] === 'serve') return await runServeCommand(args.slice(1));
    if (args[0] === 'farm') return await runFarmCommand(args.slice(1));
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [name = '', ...words] = positionals;
    if (values.help || name === '') return show(help, values.help ? 0 : 2);
    const command = commandTable[name];
    if (!command) return show(`ingot lab: there is no command '${name}'\n\n${help}`, 2);
    return await command({ values, words, stateDir: resolve(values.state ?? defaultStateDir) });
  } catch (error) {
    const isUsage = error instanceof RangeError || String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');
    return show(`ingot lab: ${optionComplaint(error)}\n`, isUsage ? 2 : 1);
  }
}

function show(text: string, code: number): number {
  (code === 0 ? process.stdout : process.stderr).write(text);
  return code;
}

async function up({ values, stateDir }: Call): Promise<number> {
  const running = await connectRack(stateDir);
  if (running) {
    running.disconnect();
    process.stdout.write(`The rack is up already.\n${describe(running.record)}`);
    return 0;
  }
  const begun = performance.now();
  const rack = await startRack({ ...readOptions(values), stateDir, detached: true, keepDisks: values['keep-disks'] });
  rack.disconnect();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  process.stdout.write(`${rack.machines.length} servers are in the rack, switched off (${seconds} s).\n${describe(rack.record)}`);
  return 0;
}

function readOptions(values: Values): RackOptions {
  return {
    machines: readNumber('machines', values.machines),
    disk: readNumber('disk', values.disk),
    memory: readNumber('memory', values.memory),
    cpus: readNumber('cpus', values.cpus),
    nics: readNumber('nics', values.nics),
    uefi: values.uefi === 'all' ? 'all' : readNumber('uefi', values.uefi),
    namespace: values.namespace,
    profiles: values.profile && readBmcProfiles(values.profile),
    acceleration: readChoice('accel', values.accel, ['kvm', 'tcg', 'auto'] as const),
    bootOrder: values['boot-order']?.split(',').map((device): BootDevice => readChoice('boot-order', device, bootDevices)!),
  };
}

function readBmcProfiles(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const [, machine, name] = /^([\w-]+)=([\w.-]+)$/.exec(word) ?? [];
      if (!machine || !name) throw new RangeError(`--bmc-profile must be MACHINE=NAME, not '${word}'`);
      return [machine, findBmcProfile(name).name];
    }),
  );
}

function readNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new RangeError(`--${name} must be a whole number, not '${text}'`);
  return Number(text);
}

function readChoice<T extends string>(name: string, text: string | undefined, choices: readonly T[]): T | undefined {
  if (text === undefined || choices.includes(text as T)) return text as T | undefined;
  throw new RangeError(`--${name} must be ${choices.join(' or ')}, not '${text}'`);
}

function describe({ machines, namespace, state_dir }: RackRecord): string {
  const rows = machines.map(
    ({ name, macs, firmware, bmc }) =>
      `  ${name}  ${macs.join(' ')}  ${firmware.toUpperCase()}  BMC ${bmc.address}:${bmc.port} user ${bmc.user}\n`,
  );
  const folder = `BMC passwords and all other facts: ${recordFile(state_dir)} (namespace ${namespace})\n`;
  return `${rows.join('')}${folder}To enrol them: openstack baremetal create ${nodesFile(state_dir)}\n`;
}

async function status({ values, stateDir }: Call): Promise<number> {
  const rack = await connectRack(stateDir);
  const machines = rack ? await rack.status() : [];
  rack?.disconnect();
  const record = readRecord(stateDir);
  if (values.json) {
    const facts = (record?.machines ?? []).map(({ bmc: { password: _, ...bmc }, ...machine }) => ({ ...machine, bmc }));
    const merged = machines.map((machine) => ({ ...facts.find(({ name }) => name === machine.name), ...machine }));
    const up = { up: rack !== undefined, namespace: record?.namespace ?? null, state_dir: stateDir, machines: merged };
    return show(`${JSON.stringify(up, null, 2)}\n`, 0);
  }
  if (!rack) return show(describeAbsence(record), 0);
  return show(`The rack is up.\n${machines.map(describeStatus).join('')}`, 0);
}

function describeStatus({ name, state, starts, firmware, media, last_error }: MachineStatus): string {
  const drives = Object.entries(media).map(([device, path]) => `${device}: ${path}`);
  const words = [`${firmware.toUpperCase()}, ${state}`, `started ${starts}×`, ...drives, ...(last_error ? [last_error] : [])];
  return `  ${name}  ${words.join(', ')}\n`;
}

function describeAbsence(record: RackRecord | undefined): string {
  const leftovers = record ? processesIn(record.namespace) : [];
  if (leftovers.length === 0) return 'The rack is down.\n';
  return `The rack is down, but process ${leftovers.join(', ')} still runs in namespace ${record?.namespace}; \`ingot lab down\` ends it.\n`;
}

async function down({ values, stateDir }: Call): Promise<number> {
  await takeDownRack(stateDir, values.namespace);
  if (values.wipe && existsSync(recordFile(stateDir))) rmSync(stateDir, { recursive: true });
  return show('The rack is down.\n', 0);
}

async function withRack(stateDir: string, use: (rack: Rack) => Promise<void>): Promise<number> {
  const rack = await connectRack(stateDir);
  if (!rack) throw new Error('the rack is down; `ingot lab up` starts it');
  try {
    await use(rack);
    return 0;
  } finally {
    rack.disconnect();
  }
}

async function power({ words, stateDir }: Call): Promise<number> {
  const [machine, word] = words;
  const command = readChoice('power', word, powerCommands) as PowerCommand | undefined;
  if (!machine || !command) throw new RangeError(`power needs a machine and ${powerCommands.join(' or ')}`);
  return withRack(stateDir, (rack) => rack.power(machine, command));
}

async function boot({ values, words, stateDir }: Call): Promise<number> {
  const [machine, word] = words;
  const device = readChoice('boot', word, overrideDevices);
  if (!machine || !device) throw new RangeError(`boot needs a machine and ${overrideDevices.join(' or ')}`);
  return withRack(stateDir, (rack) =>
    rack.setBoot(machine, device, { persistent: values.persistent ?? false, ...(values.http && { httpUri: values.http }) }),
  );
}

async function networkBoot({ words, stateDir }: Call): Promise<number> {
  const [machine, word] = words;
  const way = readChoice('network-boot', word, networkBoots);
  if (!machine || !way) throw new RangeError(`network-boot needs a machine and ${networkBoots.join(' or ')}`);
  return withRack(stateDir, (rack) => rack.setNetworkBoot(machine, way));
}

async function medium({ words, stateDir }: Call): Promise<number> {
  const [machine, word, file] = words;
  const device = readChoice('medium', word, mediaDevices);
  if (!machine || !device || !file)
    throw new RangeError(`medium needs a machine, ${mediaDevices.join(' or ')}, and a file or 'none'`);
  return withRack(stateDir, (rack) => rack.changeMedium(machine, device, file === 'none' ? null : resolve(file)));
}

/** Input is passed to the machine unchanged, Ctrl-C included. */
async function showConsole({ words: [machine], stateDir }: Call): Promise<number> {
  if (!machine) throw new RangeError('console needs a machine');
  return withRack(stateDir, async (rack) => {
    const line = await rack.openConsole(machine);
    const { stdin, stdout } = process;
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.on('data', (chunk: Buffer) => (stdin.isTTY && chunk.includes(0x1d) ? line.destroy() : line.write(chunk)));
    stdin.on('end', () => line.destroy());
    line.pipe(stdout);
    await once(line, 'close');
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.destroy();
  });
}

async function set({ words, stateDir }: Call): Promise<number> {
  const [machine, ...changes] = words;
  if (!machine || changes.length === 0) throw new RangeError('set needs a machine and NAME=VALUE');
  return withRack(stateDir, (rack) => rack.setBmcProfile(machine, readChanges(changes)));
}

async function exec({ words, stateDir }: Call): Promise<number> {
  if (words.length === 0) throw new RangeError('exec needs a command: ingot lab exec -- COMMAND');
  let code = 1;
  await withRack(stateDir, async (rack) => {
    const child = rack.spawn(words, { stdio: 'inherit' });
    [code] = ((await once(child, 'close')) as [number | null]).map((status) => status ?? 1) as [number];
  });
  return code;
}
