/** `ingot demo`: from an empty host to two servers with SSH, one by each chain, through public APIs. */

import { once } from 'node:events';
import { join } from 'node:path';
import { cacheFolder } from '#build/cache.ts';
import { parseOptions } from '#commands/options.ts';
import { checkApiPort } from '#lab/api-port.ts';
import { buildArtifacts, type LabCloud, startLabCloud } from './lab-cloud.ts';
import * as job from './main-job.ts';
import { type PhaseName, type Phases, phaseNames, readPhases } from './phases.ts';
import { keyName, networkName, prepareCloud } from './prepare-cloud.ts';
import { ServerTimeline, TimelineView } from './timeline.ts';

const usage = `Usage: npm run demo [-- --once] [-- --port PORT]
       ingot demo [--once] [--port PORT]

Starts Ingot and a virtual rack of two servers, enrols them, and deploys one server from a partition image (chain A:
PXE + iSCSI, on a BIOS machine by IPMI) and one from a whole-disk image (chain B: iPXE + HTTP, on a UEFI machine by Redfish). Then it waits, so that you can look around.

  --once        take all down at the end; the exit status is 0 only if all of it worked
  --port PORT   of the API on 127.0.0.1 (default 6385)
`;

type Chain = { server: string; machine: string; image: 'partition' | 'whole-disk'; firmware: 'bios' | 'uefi' };

const chains: readonly Chain[] = [
  { server: 'classic', machine: 'BIOS and IPMI; partition image, iSCSI over PXE', image: 'partition', firmware: 'bios' },
  { server: 'modern', machine: 'UEFI and Redfish; whole-disk image, direct over iPXE', image: 'whole-disk', firmware: 'uefi' },
];

const sshMaxWaitMs = 300_000;

export async function runDemoCommand(args: string[]): Promise<number> {
  const { flags, switches, isHelp } = parseOptions(args, { valueNames: ['port'], switchNames: ['once'] });
  if (isHelp) {
    process.stdout.write(usage);
    return 0;
  }
  const started = Date.now();
  say('Ingot demo: two virtual servers, from rack to SSH. Ctrl-C takes everything down.');
  const port = Number(flags['port'] ?? 6385);
  await checkApiPort(port);
  // Until here an interrupt simply exits: there is nothing to take down yet.
  const artifacts = await buildArtifacts(say);
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupt.abort());
  const interrupted = once(interrupt.signal, 'abort').then(() => 'interrupted' as const);
  const lab = await startLabCloud({
    rack: { machines: chains.length, uefi: 1 },
    stateDir: join(cacheFolder, 'demo'),
    port,
    artifacts,
    announce: say,
  });
  try {
    const outcome = await Promise.race([deployAll(lab, interrupt.signal), interrupted]);
    if (outcome === 'interrupted') return 130;
    report(outcome, started);
    if (!switches.has('once')) {
      observe(lab, outcome);
      await interrupted;
    }
    return outcome.every((result) => result.isGood) ? 0 : 1;
  } finally {
    // Pending connections to machines would keep the process alive.
    interrupt.abort();
    say('taking everything down');
    await lab.close();
  }
}

function say(line: string): void {
  process.stdout.write(process.stdout.isTTY ? `\x1b[1m==>\x1b[0m ${line}\n` : `==> ${line}\n`);
}

type Result = { chain: Chain; isGood: boolean; text: string; address: string; phases?: Phases };

async function deployAll(lab: LabCloud, signal: AbortSignal): Promise<Result[]> {
  const { imageIds, flavorIds, networkId } = await prepareCloud(lab, say);
  say('creating both servers');
  const timelines = chains.map((chain) => new ServerTimeline(chain.server));
  const view = new TimelineView(timelines, process.stdout);
  try {
    return await Promise.all(
      chains.map(async (chain, index) => {
        const chosen = { imageId: imageIds[chain.image], flavorId: flavorIds[chain.firmware] };
        const request = { name: chain.server, ...chosen, networkId, keyName };
        return deployOne(lab, { chain, request, timeline: timelines[index] as ServerTimeline, view, signal });
      }),
    );
  } finally {
    view.stop();
  }
}

type Deployment = { chain: Chain; request: job.ServerRequest; timeline: ServerTimeline; view: TimelineView; signal: AbortSignal };

async function deployOne(lab: LabCloud, { chain, request, timeline, view, signal }: Deployment): Promise<Result> {
  const id = await job.createServer(lab.cloud, request);
  const { events, server } = await job.followServer(lab.cloud, id, (event) => view.add(timeline, event));
  const address = server.addresses[networkName]?.[0]?.addr ?? '';
  if (server.status !== 'ACTIVE') {
    const { message = 'no fault was recorded', details = '' } = server.fault ?? {};
    return { chain, address, isGood: false, text: `${server.status}: ${message} ${details}` };
  }
  timeline.begin('Boot the installed system');
  try {
    const text = await job.runBySsh({ ...lab.ssh(address), signal }, 'uname -a; hostname', sshMaxWaitMs);
    timeline.finish();
    const isGood = text.trim().split('\n').at(-1) === chain.server;
    return { chain, address, isGood, text, phases: readPhases(events, new Date()) };
  } catch (error) {
    return { chain, address, isGood: false, text: (error as Error).message };
  }
}

function report(results: readonly Result[], started: number): void {
  for (const { chain, isGood, text, address } of results) {
    say(`${chain.server} (${chain.machine}) at ${address || 'no address'}: ${isGood ? 'logged in by SSH' : 'FAILED'}`);
    process.stdout.write(`${text.trim().replace(/^/gm, '      ')}\n`);
  }
  const row = (label: string, cells: string[]) =>
    process.stdout.write(`  ${label.padEnd(20)}${cells.map((cell) => cell.padStart(12)).join('')}\n`);
  row(
    'seconds',
    results.map(({ chain }) => chain.server),
  );
  for (const name of phaseNames)
    row(
      name,
      results.map(({ phases }) => seconds(phases, name)),
    );
  row(
    'together',
    results.map(({ phases }) => (phases ? sum(phases).toFixed(1) : '-')),
  );
  say(`whole time, from the command to the last login: ${((Date.now() - started) / 1000).toFixed(0)} s`);
}

function seconds(phases: Phases | undefined, name: PhaseName): string {
  return phases ? phases[name].toFixed(1) : '-';
}

function sum(phases: Phases): number {
  return Object.values(phases).reduce((total, value) => total + value, 0);
}

function observe(lab: LabCloud, results: readonly Result[]): void {
  const program = 'bin/ingot';
  const lines = [
    `API             ${lab.ingot.url}`,
    `credentials     eval "$(${program} openrc --state ${lab.stateDir})"   then: openstack server list`,
    ...results.map(({ address, chain }) => {
      const command = ['ip', 'netns', 'exec', lab.rack.record.namespace, 'ssh', ...job.sshOptions(lab.ssh(address))].join(' ');
      return `log in          ${command}   # ${chain.server}`;
    }),
    ...lab.rack.machines.map((machine) => `serial console  tail -f ${machine.console}`),
    `log of Ingot    ${lab.ingot.logFile}`,
    'stop            Ctrl-C',
  ];
  process.stdout.write(`\nLook around:\n${lines.map((line) => `  ${line}\n`).join('')}\n`);
}
