/**
 * The process that holds the machines of a cardboard rack and their BMCs, inside Ingot's namespace, so that both outlive
 * every Ingot. Started by cardboard-rack.ts: `cardboard-process.ts PLANS`, a file with a JSON list of MachinePlan. It
 * ends when the channel to its starter does.
 */
import { readFileSync } from 'node:fs';
import { type Bmc, startBmc } from '#lab/bmc/bmc.ts';
import type { Personality } from '#lab/bmc/personality.ts';
import { CardboardMachine, type MachineNews, type MachinePlan } from './cardboard-machine.ts';

export type RackRequest = { id: number; machine: string } & (
  | { action: 'personality'; changes: Partial<Personality> }
  | { action: 'nic'; dead: boolean }
  | { action: 'kill agent' }
  /** The BMC forgets its sessions. */
  | { action: 'restart BMC' }
  /** From its next start the ramdisk lacks the programs of /usr/sbin, tgtd among them. */
  | { action: 'strip ramdisk' }
);
export type RackMessage =
  | { kind: 'ready' }
  | { kind: 'news'; machine: string; news: MachineNews }
  | { kind: 'bmc'; machine: string; command: string }
  | { kind: 'reply'; id: number; error?: string };

type Slot = { machine: CardboardMachine; bmc: Bmc };

const slots = new Map<string, Slot>();
const tell = (message: RackMessage) => process.connected && process.send?.(message);

async function addMachine(plan: MachinePlan): Promise<void> {
  const machine = new CardboardMachine(plan);
  machine.on('news', (news) => tell({ kind: 'news', machine: plan.name, news }));
  const { port, user, password } = plan.bmc;
  const bmc = await startBmc({
    address: '127.0.0.1',
    port,
    users: [{ name: user, password, privilege: 'administrator' }],
    chassis: machine,
    // A killed client never closes its session, and a BMC keeps those for a minute: here it dies dozens of times in one.
    personality: { sessionLimit: 250 },
    onCommand: ({ command }) => tell({ kind: 'bmc', machine: plan.name, command }),
    onChassisError: (error) => console.error(plan.name, error),
  });
  slots.set(plan.name, { machine, bmc });
}

function obey(request: RackRequest): void {
  const slot = slots.get(request.machine);
  if (!slot) throw new Error(`there is no machine ${request.machine}`);
  if (request.action === 'personality') slot.bmc.setPersonality(request.changes);
  if (request.action === 'nic') slot.machine.nicIsDead = request.dead;
  if (request.action === 'restart BMC') slot.bmc.restart();
  if (request.action === 'strip ramdisk') slot.machine.ramdiskPath = '/usr/bin:/bin';
  if (request.action === 'kill agent' && !slot.machine.killAgent()) throw new Error('no agent runs');
}

process.on('message', (request: RackRequest) => {
  try {
    obey(request);
    tell({ kind: 'reply', id: request.id });
  } catch (error) {
    tell({ kind: 'reply', id: request.id, error: (error as Error).message });
  }
});

process.once('disconnect', () => {
  void Promise.all([...slots.values()].flatMap(({ machine, bmc }) => [machine.dismantle(), bmc.close()]));
});

for (const plan of JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as MachinePlan[]) await addMachine(plan);
tell({ kind: 'ready' });
