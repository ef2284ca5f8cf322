/**
 * The process that holds the machines of a simulated rack and their BMCs, inside Ingot's namespace, so that both
 * outlive every Ingot. Started by simulated-rack.ts: `simulated-process.ts PLANS`, a file with a JSON list of
 * MachinePlan. It exits when the channel to its starter closes.
 */
import { readFileSync } from 'node:fs';
import { type Bmc, startBmc } from '#lab/bmc/bmc.ts';
import type { BmcProfile } from '#lab/bmc/bmc-profile.ts';
import { type RedfishService, startRedfishService } from '#lab/bmc/redfish/redfish-service.ts';
import { type GateMoment, type GateVerdict, openAnswerGate } from './answer-gate.ts';
import { type MachineNews, type MachinePlan, SimulatedMachine } from './simulated-machine.ts';

export type RackRequest = { id: number; machine: string } & (
  | { action: 'profile'; changes: Partial<BmcProfile> }
  | { action: 'nic'; dead: boolean }
  | { action: 'kill agent' }
  /** The BMC drops its sessions. */
  | { action: 'restart BMC' }
  /** From its next start the ramdisk lacks the programs of /usr/sbin, including tgtd. */
  | { action: 'strip ramdisk' }
  /** What happens to a request that the gate has stopped. */
  | { action: 'go on'; stop: number; verdict: GateVerdict }
);
export type RackMessage =
  | { kind: 'ready' }
  | { kind: 'news'; machine: string; news: MachineNews }
  | { kind: 'bmc'; machine: string; command: string }
  /** A Redfish request waits for `go on`. */
  | { kind: 'stopped'; machine: string; stop: number; moment: GateMoment }
  | { kind: 'reply'; id: number; error?: string };

type Slot = { machine: SimulatedMachine; bmc: Bmc; redfish: RedfishService; gate: { close(): Promise<void> } };

const slots = new Map<string, Slot>();
const stops = new Map<number, (verdict: GateVerdict) => void>();
let lastStop = 0;
const report = (message: RackMessage) => process.connected && process.send?.(message);

async function addMachine(plan: MachinePlan): Promise<void> {
  const machine = new SimulatedMachine(plan);
  machine.on('news', (news) => report({ kind: 'news', machine: plan.name, news }));
  const { port, redfishPort, user, password } = plan.bmc;
  // A killed client never closes its session, and a BMC keeps it for a minute: clients here die dozens of times in one.
  const sessionLimit = 250;
  const bmc = await startBmc({
    address: '127.0.0.1',
    port,
    users: [{ name: user, password, privilege: 'administrator' }],
    chassis: machine,
    profile: { sessionLimit },
    onCommand: ({ command }) => report({ kind: 'bmc', machine: plan.name, command }),
    onChassisError: (error) => console.error(plan.name, error),
  });
  const redfish = await startRedfishService({
    address: '127.0.0.1',
    port: 0,
    bmcModel: bmc.bmcModel,
    profile: { sessionLimit, redfish: { taskMs: 200 } },
    onError: (error) => console.error(plan.name, error),
  });
  const watch = (moment: GateMoment) => askStarter(plan.name, moment);
  const gate = await openAnswerGate({ port: redfishPort, target: redfish.url, watch });
  slots.set(plan.name, { machine, bmc, redfish, gate });
}

function askStarter(machine: string, moment: GateMoment): Promise<GateVerdict> {
  lastStop += 1;
  const { promise, resolve } = Promise.withResolvers<GateVerdict>();
  stops.set(lastStop, resolve);
  report({ kind: 'stopped', machine, stop: lastStop, moment });
  return promise;
}

function apply(request: RackRequest): void {
  const slot = slots.get(request.machine);
  if (!slot) throw new Error(`there is no machine ${request.machine}`);
  if (request.action === 'profile') slot.bmc.setBmcProfile(request.changes);
  if (request.action === 'nic') slot.machine.nicIsDead = request.dead;
  if (request.action === 'restart BMC') slot.bmc.restart();
  if (request.action === 'go on') {
    stops.get(request.stop)?.(request.verdict);
    stops.delete(request.stop);
  }
  if (request.action === 'strip ramdisk') slot.machine.ramdiskPath = '/usr/bin:/bin';
  if (request.action === 'kill agent' && !slot.machine.killAgent()) throw new Error('no agent runs');
}

process.on('message', (request: RackRequest) => {
  try {
    apply(request);
    report({ kind: 'reply', id: request.id });
  } catch (error) {
    report({ kind: 'reply', id: request.id, error: (error as Error).message });
  }
});

process.once('disconnect', () => {
  void Promise.all(
    [...slots.values()].flatMap(({ machine, bmc, redfish, gate }) => [
      machine.dismantle(),
      bmc.close(),
      redfish.close(),
      gate.close(),
    ]),
  );
});

for (const plan of JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as MachinePlan[]) await addMachine(plan);
report({ kind: 'ready' });
