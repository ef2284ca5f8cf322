/**
 * The rack's process: it holds the machines and their BMCs, inside the lab's namespace. `startRack` starts it:
 *     node rack-process.ts STATE_DIR (attached | detached)
 * Descriptor 3 is a pipe to the starter: one JSON line reports that the rack is up, or the error. An attached rack goes
 * down when the other end of the pipe closes, so it never outlives its owner.
 */
import { mkdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { type Bmc, startBmc } from './bmc/bmc.ts';
import { type BmcProfile, type BmcProfileChanges, defaultBmcProfile, differencesFromDefault } from './bmc/bmc-profile.ts';
import { createBmcModel } from './bmc/create-bmc-model.ts';
import { type RedfishService, startRedfishService } from './bmc/redfish/redfish-service.ts';
import { applyProfile } from './bmc-profile-files.ts';
import { type ConsoleSocket, serveConsole } from './console-socket.ts';
import { type ControlRequest, ControlServer, type PowerCommand } from './control.ts';
import { chooseAcceleration } from './kvm-probe.ts';
import { ensureFiles, Machine } from './machine.ts';
import type { Media } from './machine-memory.ts';
import type { NetworkBoot } from './machine-states.ts';
import { hasIpv6, lowerNetwork, tuneNetwork } from './network.ts';
import { kvmMemoryFile, planRack } from './rack-plan.ts';
import { certificateOf, type MachineRecord, type RackRecord, readRecord } from './rack-record.ts';
import { startRouter } from './router.ts';

type Slot = {
  readonly machine: Machine;
  readonly bmc: Bmc;
  readonly redfish: RedfishService;
  readonly line: ConsoleSocket;
  readonly profile: BmcProfile;
};

class RackProcess {
  readonly #record: RackRecord;
  readonly #afterwards: () => void;
  readonly #slots = new Map<string, Slot>();
  #control: ControlServer | undefined;
  #router: ReturnType<typeof startRouter> | undefined;
  #stopping: Promise<void> | undefined;

  /** @param afterwards called when everything is down */
  constructor(record: RackRecord, afterwards: () => void) {
    this.#record = record;
    this.#afterwards = afterwards;
  }

  async start(): Promise<void> {
    const plan = planRack(this.#record.options);
    const acceleration = plan.acceleration === 'auto' ? await chooseAcceleration(kvmMemoryFile) : plan.acceleration;
    tuneNetwork();
    if (hasIpv6()) this.#router = startRouter();
    for (const [index, { bmcAddress: _, consoleSocket: __, ...spec }] of plan.machines.entries()) {
      await this.#addMachine(new Machine({ ...spec, acceleration }), this.#record.machines[index]!);
    }
    this.#control = await ControlServer.start(this.#record.control, (request) => this.#handle(request));
  }

  /** Takes everything down, including the namespace; runs once, regardless of the number of calls. */
  stop(): Promise<void> {
    this.#stopping ??= this.#takeDown();
    return this.#stopping;
  }

  async #addMachine(machine: Machine, record: MachineRecord): Promise<void> {
    const { name } = machine.spec;
    mkdirSync(dirname(machine.spec.diskFile), { recursive: true });
    await ensureFiles(machine.spec);
    machine.on('change', (state) => {
      console.log(`${new Date().toISOString()} ${name} is ${state}${machine.lastError ? `: ${machine.lastError}` : ''}`);
      this.#control?.send({ machine: name, state });
    });
    const { bmc, redfish, profile } = await this.#startBmc(machine, record);
    const line = await serveConsole(record.console_socket, () => machine.openConsole());
    this.#slots.set(name, { machine, bmc, redfish, line, profile });
  }

  /** One board, two front ends. */
  async #startBmc(machine: Machine, record: MachineRecord): Promise<Pick<Slot, 'bmc' | 'redfish' | 'profile'>> {
    const { name, serial, uuid, diskFile } = machine.spec;
    const { address, port, user, password } = record.bmc;
    const log = (line: string) => console.log(`${new Date().toISOString()} ${name} BMC: ${line}`);
    const fail = (error: unknown) => console.error(`${name}: ${(error as Error).message}`);
    const requested = this.#record.options.profiles?.[name];
    const profile = requested === undefined ? defaultBmcProfile : applyProfile(defaultBmcProfile, { profile: requested });
    const bmcModel = createBmcModel({
      chassis: machine,
      users: [{ name: user, password, privilege: 'administrator' }],
      identity: { serial, uuid },
      lan: { address, mask: '255.255.255.0' },
      media: ['cdrom', 'floppy', 'disk'],
    });
    const onCommand = ({ command, completion }: { command: string; completion: number }) => log(`${command} → ${completion}`);
    const bmc = await startBmc({ address, port, bmcModel, profile, onCommand, onChassisError: fail });
    const redfish = await startRedfishService({
      ...{ address, port: 443, bmcModel, profile, onError: fail },
      tls: certificateOf(this.#record.state_dir, record),
      mediaFolder: join(dirname(diskFile), 'media'),
      onRequest: ({ method, path, status }) => log(`${method} ${path} → ${status}`),
    });
    return { bmc, redfish, profile };
  }

  async #handle(request: ControlRequest): Promise<unknown> {
    if (request.action === 'status') return this.#status();
    if (request.action === 'stop') return void setImmediate(() => void this.stop());
    const slot = this.#slots.get(request.machine);
    if (!slot) throw new Error(`there is no machine '${request.machine}'; there are ${[...this.#slots.keys()].join(', ')}`);
    if (request.action === 'power') return powerTable[request.command](slot.machine);
    if (request.action === 'set') return this.#setBmcProfile(request.machine, slot, request.changes);
    if (request.action === 'medium') return slot.machine.changeMedium(request.device, request.path);
    if (request.action === 'network boot') return slot.machine.setNetworkBoot(request.way);
    const { device, persistent, httpUri } = request;
    if (device === 'none') return slot.machine.bootOverride.clear();
    const requested = { device, persistent, ...(httpUri !== undefined && { httpUri }) };
    return slot.machine.bootOverride.set(requested, { expires: false });
  }

  #setBmcProfile(name: string, slot: Slot, changes: Readonly<Record<string, unknown>>): void {
    const profile = applyProfile(slot.profile, changes);
    slot.bmc.setBmcProfile(profile);
    slot.redfish.setBmcProfile(profile);
    this.#slots.set(name, { ...slot, profile });
  }

  #status(): MachineStatus[] {
    return [...this.#slots.values()].map(({ machine, bmc, redfish, profile }) => ({
      name: machine.spec.name,
      power: machine.power(),
      state: machine.state,
      starts: machine.starts,
      pid: machine.processId ?? null,
      firmware: machine.firmware,
      network_boot: machine.networkBoot,
      boot_override: machine.bootOverride.get() ?? null,
      media: machine.media,
      bmc_sessions: bmc.sessionCount,
      redfish_sessions: redfish.sessionCount,
      profile: differencesFromDefault(profile),
      last_error: machine.lastError ?? null,
    }));
  }

  async #takeDown(): Promise<void> {
    const slots = [...this.#slots.values()];
    for (const { line } of slots) line.close();
    await Promise.all(slots.flatMap(({ machine, bmc, redfish }) => [machine.powerOff(), bmc.close(), redfish.close()]));
    this.#router?.kill();
    await lowerNetwork(this.#record.namespace);
    this.#control?.close();
    this.#afterwards();
  }
}

export type MachineStatus = {
  readonly name: string;
  readonly power: 'on' | 'off';
  readonly state: string;
  /** Number of firmware starts since `up`. */
  readonly starts: number;
  readonly pid: number | null;
  readonly firmware: 'bios' | 'uefi';
  readonly network_boot: NetworkBoot;
  readonly boot_override: unknown;
  /** Paths of the files in its drives. */
  readonly media: Media;
  readonly bmc_sessions: number;
  readonly redfish_sessions: number;
  /** Differences of its BMC from the default profile. */
  readonly profile: BmcProfileChanges;
  readonly last_error: string | null;
};

const powerTable: Record<PowerCommand, (machine: Machine) => Promise<void>> = {
  on: (machine) => machine.powerOn(),
  off: (machine) => machine.powerOff(),
  reset: (machine) => machine.reset(),
  cycle: (machine) => machine.powerCycle(),
  soft: (machine) => machine.softOff(),
  nmi: async (machine) => machine.injectNmi(),
};

async function runRack(stateDir: string, isAttached: boolean): Promise<void> {
  const record = readRecord(stateDir);
  if (!record) throw new Error(`no rack.json in ${stateDir}`);
  const owner = new Socket({ fd: 3 });
  owner.on('error', () => {});
  const rack = new RackProcess(record, () => owner.destroy());
  const end = () => void rack.stop();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
  if (isAttached) owner.on('close', end).resume();
  try {
    await rack.start();
    owner.write(`${JSON.stringify({ ready: true })}\n`);
    if (!isAttached) owner.end();
  } catch (error) {
    owner.end(`${JSON.stringify({ error: (error as Error).message })}\n`);
    await rack.stop();
    process.exitCode = 1;
  }
}

const [, , stateDir = '', mode = ''] = process.argv;
await runRack(stateDir, mode === 'attached');
