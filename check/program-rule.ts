/**
 * The rule that only programs in the table may be called, so that bin/setup installs them. A ramdisk has its own table:
 * the programs of build/ramdisk/profiles.ts, and busybox.
 */
import { basename } from 'node:path';
import { programs as ramdiskFiles } from '#build/ramdisk/profiles.ts';
import { type ProgramCall, programCalls } from './program-calls.ts';
import { programTableFile, readProgramTable } from './program-table.ts';
import { shellCommands } from './shell-commands.ts';
import { type Finding, lineOf, type Source } from './sources.ts';

/** busybox applets that the ramdisk's scripts and the agent use; a test verifies that busybox has them. */
export const busyboxPrograms =
  'basename busybox cat cut dmesg fallocate find head hostname ifconfig ln mkdir mkfifo modprobe mount poweroff reboot route sed setsid sleep sort sync tail tr udhcpc uevent wc'.split(
    ' ',
  );

type PassedOn = {
  readonly path: string;
  readonly written: string;
  readonly reason: string;
  readonly programs?: readonly string[];
};

const callers = (starter: string) => `callers of ${starter} are looked at`;

/** Calls whose program name comes from elsewhere: why they are allowed, and the possible programs. */
const passedOn: readonly PassedOn[] = [
  { path: 'agent/machine.ts', written: 'how', reason: 'by its type', programs: ['poweroff', 'reboot'] },
  { path: 'agent/run-program.ts', written: 'command', reason: callers('runProgram') },
  { path: 'bench/api/ingot-process.ts', written: 'program', reason: 'bin/ingot' },
  { path: 'bench/bmc/ingot-on-host.ts', written: 'program', reason: 'bin/ingot' },
  { path: 'bench/host-facts.ts', written: 'program', reason: callers('firstLine') },
  { path: 'build/image/grub.ts', written: 'loader', reason: 'starts programs of the packages that were fetched for it' },
  { path: 'build/run-command.ts', written: 'command', reason: callers('runCommand') },
  { path: 'check/nightly/run-jobs.ts', written: 'program', reason: 'of the table of jobs: bin/… or Node.js' },
  { path: 'check/run-program.ts', written: "' /node_modules/.bin/ '", reason: 'of an npm package' },
  { path: 'check/stages.ts', written: 'stage.program', reason: 'of an npm package' },
  { path: 'lab/bmc/redfish/referees.test.ts', written: 'python', reason: 'of a virtual environment that a variable names' },
  { path: 'lab/command.ts', written: 'words', reason: 'what a person typed after `lab exec`' },
  { path: 'lab/rack.ts', written: 'command', reason: callers("a rack's spawn") },
  {
    path: 'src/drivers/ipmi/recordings.test.ts',
    written: 'command',
    reason: 'commands of FreeIPMI',
    programs: ['bmc-device', 'bmc-info', 'ipmi-fru', 'ipmi-sel', 'ipmi-sensors'],
  },
  { path: 'src/drivers/tilera-pdu/power.ts', written: 'manager', reason: "a site's own program, by a setting" },
  {
    path: 'src/routing/host-check.ts',
    written: 'program',
    reason: 'of a list',
    programs: ['busybox', 'ip', 'nft', 'nsenter', 'setpriv', 'unshare'],
  },
  {
    path: 'src/routing/namespace.ts',
    written: 'tool',
    reason: 'called in this folder',
    programs: ['busybox', 'ip', 'nft', 'nsenter', 'true', 'unshare'],
  },
  { path: 'src/tools/run-tool.ts', written: 'tool', reason: callers('runTool') },
  { path: 'src/tools/confined.ts', written: 'program', reason: callers('runConfined') },
  { path: 'test/a-boot-network.ts', written: 'program', reason: 'called with one program', programs: ['ip'] },
  { path: 'test/a-postgres.ts', written: "join(bin,'initdb')", reason: 'of the package', programs: ['initdb'] },
  { path: 'test/a-postgres.ts', written: "join(bin,'postgres')", reason: 'of the package', programs: ['postgres'] },
  {
    path: 'test/a-routed-network.ts',
    written: 'name',
    reason: 'called in this file',
    programs: ['busybox', 'curl', 'ip', 'nsenter'],
  },
  { path: 'test/a-snmpd.ts', written: 'name', reason: 'called with two programs', programs: ['snmpget', 'snmpset'] },
  { path: 'test/captures/ipmi-tools.ts', written: 'program', reason: callers('freeipmi') },
  { path: 'test/captures/run-program.ts', written: 'program', reason: callers('runProgram') },
  { path: 'test/client/openstack.ts', written: 'client.program', reason: 'or what was prepared for it', programs: ['openstack'] },
  { path: 'test/crash/simulated-machine.ts', written: 'program', reason: 'of a list that insideNamespace made' },
];

/** Programs in the ramdisk with Ironic's own agent (test/ipa/ipa-ramdisk.ts), beside busybox. */
const ipaPrograms = ['ip', 'ironic-python-agent', 'udevadm'];

/** Node.js, which npm brings and the ramdisk holds; and names that a test calls because they do not exist. */
const alwaysKnown = new Set(['node', 'no-such-program']);

export function knownPrograms(files: readonly Source[]): Finding[] {
  const table = files.find(({ path }) => path === programTableFile);
  if (!table) return [];
  const known = new Set(readProgramTable(table.text).flatMap(({ programs }) => programs));
  const ramdisk = new Set([...ramdiskFiles.map((path) => basename(path)), ...busyboxPrograms]);
  const ofIpa = new Set([...ipaPrograms, ...busyboxPrograms]);
  const inRamdisk = (path: string) => (path.startsWith('test/ipa/') ? ofIpa : ramdisk);
  const callsOf = files.flatMap((file) => callsIn(file).map((call) => ({ file, call })));
  const unknown = callsOf.flatMap(({ file, call }) => {
    const isKnown = (name: string) =>
      (runsInRamdisk(file.path) ? inRamdisk(file.path) : known).has(name) || alwaysKnown.has(name);
    const message = judge(file.path, call, isKnown);
    return message ? [{ path: file.path, line: lineOf(file.text, call.index), message }] : [];
  });
  return [...unknown, ...unused(files, callsOf)];
}

function judge(path: string, { name, written }: ProgramCall, isKnown: (name: string) => boolean): string | undefined {
  const place = runsInRamdisk(path) ? 'build/ramdisk/profiles.ts' : programTableFile;
  if (name !== undefined) return isKnown(name) ? undefined : `'${name}' is called, but ${place} does not name it`;
  const row = passedOn.find((each) => each.path === path && each.written === written);
  if (!row) return `'${written}' is called: write its name here, or tell in check/program-rule.ts where it comes from`;
  const missing = row.programs?.find((program) => !isKnown(program));
  return missing && `'${missing}' is called, but ${place} does not name it`;
}

/** Rows of `passedOn` that no call needs any more. */
function unused(files: readonly Source[], calls: readonly { file: Source; call: ProgramCall }[]): Finding[] {
  const isThere = new Set(files.map(({ path }) => path));
  return passedOn
    .filter(({ path }) => isThere.has(path))
    .filter(({ path, written }) => !calls.some(({ file, call }) => file.path === path && call.written === written))
    .map(({ path, written }) => ({ path, message: `check/program-rule.ts says that it calls '${written}'; it does not` }));
}

function runsInRamdisk(path: string): boolean {
  return (path.startsWith('agent/') && !path.endsWith('.test.ts')) || /^(build\/ramdisk|bench|test\/ipa)\/[\w-]+\.sh$/.test(path);
}

function callsIn({ path, text }: Source): ProgramCall[] {
  if (path.endsWith('.ts')) return programCalls(text);
  if (!/^#!.*sh\b/.test(text)) return [];
  return shellCommands(text).map(({ name, index }) => ({ name: basename(name), written: name, index }));
}
