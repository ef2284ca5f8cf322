/**
 * One virtual server: power button, boot order, disk, serial console; a QEMU process while it is on. Must run inside
 * the lab's network namespace. QEMU exits with the process that holds the machine.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { accessSync, appendFileSync, closeSync, constants, copyFileSync, existsSync, openSync, readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import type { BootOverride, BootOverrideRequest } from './bmc/boot-override.ts';
import type { Chassis, MediaDevice } from './bmc/chassis.ts';
import { changeDrive, readableMedia } from './machine-drives.ts';
import { MachineMemory, type Media } from './machine-memory.ts';
import { bootOrder, isPowered, type MachineEvent, type MachineState, type NetworkBoot, nextState } from './machine-states.ts';
import {
  consoleDescriptor,
  type Firmware,
  type MachineSpec,
  qemuArguments,
  qmpDescriptor,
  type StartConditions,
  uefiFiles,
} from './qemu-arguments.ts';
import { Qmp } from './qmp.ts';
import { SerialLine } from './serial-line.ts';
import { bootNextFromUri, clearBootNext, forgetBootOrder } from './uefi-variables.ts';

/** A process that ignores SIGTERM for this long is killed (milliseconds). */
const stopTimeout = 5000;

/** Emits `change` after each change of state, `medium` after each change of the media in its drives. */
export class Machine extends EventEmitter<{ change: [MachineState]; medium: [] }> implements Chassis {
  readonly spec: MachineSpec;
  readonly #memory: MachineMemory;
  readonly #line = new SerialLine();
  #state: MachineState = 'off';
  #process: ChildProcess | undefined;
  #qmp: Qmp | undefined;
  #starts = 0;
  #lastError: string | undefined;

  constructor(spec: MachineSpec) {
    super();
    this.spec = spec;
    this.#memory = new MachineMemory(spec.memoryFile);
    skipFirmwarePrompt(this.#line.open());
  }

  get bootOverride(): BootOverride {
    return this.#memory.bootOverride;
  }

  get firmware(): Firmware {
    return this.spec.firmware;
  }

  /** Paths of the files in its drives. */
  get media(): Media {
    return this.#memory.media;
  }

  get networkBoot(): NetworkBoot {
    return this.#memory.networkBoot;
  }

  /** A firmware setting: takes effect at its next start. */
  setNetworkBoot(way: NetworkBoot): void {
    if (way === 'http' && this.firmware !== 'uefi') throw new Error(`${this.spec.name} has a BIOS, which knows no HTTP boot`);
    this.#memory.setNetworkBoot(way);
  }

  get state(): MachineState {
    return this.#state;
  }

  /** Why QEMU exited unexpectedly. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Number of firmware starts. */
  get starts(): number {
    return this.#starts;
  }

  get processId(): number | undefined {
    return this.#process?.pid;
  }

  power(): 'on' | 'off' {
    return isPowered(this.#state) ? 'on' : 'off';
  }

  async powerOn(): Promise<void> {
    this.#happen('power on');
    await this.#until(({ state }) => state === 'on' || state === 'off');
  }

  /** Pulls the plug. */
  async powerOff(): Promise<void> {
    this.#happen('power off');
    await this.#until(({ state }) => state === 'off');
  }

  async reset(): Promise<void> {
    await this.#restart('reset');
  }

  async powerCycle(): Promise<void> {
    await this.#restart('power cycle');
  }

  /** Presses the power button (ACPI); the operating system decides what follows, so nothing is awaited. */
  async softOff(): Promise<void> {
    this.#happen('soft off');
  }

  injectNmi(): void {
    this.#qmp?.send('inject-nmi');
  }

  openConsole(): Duplex {
    return this.#line.open();
  }

  /** Rejects when the file cannot be read, or the running machine does not accept it. */
  async changeMedium(device: MediaDevice, path: string | null, uri?: string): Promise<void> {
    if (path !== null) accessSync(path, constants.R_OK);
    const qmp = this.#qmp;
    const former = this.media[device] ?? null;
    const formerUri = this.medium(device) ?? undefined;
    // Set before the command: a concurrent start must find the new medium.
    this.#memory.setMedium(device, path, uri);
    await (qmp && changeDrive(qmp, device, path))?.catch((error) => {
      if (qmp?.closed) return;
      this.#memory.setMedium(device, former, formerUri);
      throw error;
    });
    this.emit('medium');
  }

  medium(device: MediaDevice): string | null {
    return this.#memory.mediumUri(device);
  }

  onMedium(listener: () => void): () => void {
    this.on('medium', listener);
    return () => void this.off('medium', listener);
  }

  onPower(listener: () => void): () => void {
    let last = this.power();
    const check = () => {
      if (this.power() === last) return;
      last = this.power();
      listener();
    };
    this.on('change', check);
    return () => void this.off('change', check);
  }

  async #restart(event: 'reset' | 'power cycle'): Promise<void> {
    this.#happen(event);
    await this.#until(({ state }) => state === 'on' || state === 'off');
  }

  async #until(isReached: (machine: Machine) => boolean): Promise<void> {
    while (!isReached(this)) await once(this, 'change');
  }

  #happen(event: MachineEvent): void {
    const { to, action } = nextState(this.#state, event);
    const changed = to !== this.#state;
    this.#state = to;
    if (action === 'start') this.#start();
    if (action === 'stop') this.#stop();
    if (action === 'press the power button') this.#qmp?.send('system_powerdown');
    if (changed) this.emit('change', to);
  }

  #start(): void {
    const conditions = this.#conditions(this.bootOverride.takeForBoot());
    const order = conditions.order.join(', ');
    this.#starts += 1;
    this.#lastError = undefined;
    appendFileSync(this.spec.consoleFile, `\r\n=== ${new Date().toISOString()} power on, boot order ${order} ===\r\n`);
    const log = openSync(this.spec.logFile, 'a');
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...qemuArguments(this.spec, conditions)], {
      stdio: ['ignore', log, log, 'pipe', 'pipe'],
    });
    closeSync(log);
    this.#process = child;
    this.#watch(child);
  }

  #conditions(request: BootOverrideRequest | undefined): StartConditions {
    const order = bootOrder(this.spec.usualBootOrder, request);
    const httpBoot = request?.httpUri !== undefined || this.networkBoot === 'http';
    if (this.firmware === 'uefi') {
      passHttpUri(this.spec.varsFile, request?.httpUri);
      // It has meanwhile dropped PXE from its boot options, and would try it after HTTP boot.
      if (this.#memory.hadHttpAlone && !httpBoot) forgetBootOrder(this.spec.varsFile);
      this.#memory.startWith({ httpAlone: httpBoot });
    }
    return { order, media: readableMedia(this.#memory), httpBoot };
  }

  #watch(child: ChildProcess): void {
    let restarts = false;
    this.#qmp = new Qmp(child.stdio[qmpDescriptor] as Duplex, (name, data) => {
      if (name === 'SHUTDOWN' && data['reason'] === 'guest-reset') restarts = true;
    });
    this.#line.attach(child.stdio[consoleDescriptor as number] as Duplex);
    child.on('error', (error) => this.#ended(child, { restarts: false, error: error.message }));
    child.on('close', (code) => {
      const error = code ? `QEMU ended with ${code}: ${lastLine(this.spec.logFile)}` : undefined;
      this.#ended(child, { restarts, error });
    });
  }

  #ended(child: ChildProcess, { restarts, error }: { restarts: boolean; error: string | undefined }): void {
    if (this.#process !== child) return;
    this.#process = undefined;
    this.#qmp = undefined;
    if (this.#state === 'on') this.#lastError = error;
    this.#happen(restarts ? 'guest restarted' : 'ended');
  }

  #stop(): void {
    const child = this.#process;
    if (!child) return;
    child.kill('SIGTERM');
    const killTimer = setTimeout(() => child.kill('SIGKILL'), stopTimeout);
    child.once('close', () => clearTimeout(killTimer));
  }
}

/** iPXE offers its command line for two seconds; any key ends the wait, as a person at the console would do. */
function skipFirmwarePrompt(line: Duplex): void {
  let tail = '';
  line.on('data', (chunk: Buffer) => {
    tail = (tail + chunk.toString('latin1')).slice(-200);
    if (!tail.includes('Ctrl-B for the iPXE command line')) return;
    tail = '';
    line.write(' ');
  });
}

function passHttpUri(varsFile: string, uri: string | undefined): void {
  if (uri) bootNextFromUri(varsFile, uri);
  else clearBootNext(varsFile);
}

function lastLine(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '';
}

/**
 * Creates an empty disk and fresh UEFI variables if missing. `diskGb` is the size the guest sees; the file is sparse.
 */
export async function ensureFiles({ diskFile, diskGb, firmware, varsFile }: MachineSpec): Promise<void> {
  if (firmware === 'uefi' && !existsSync(varsFile)) copyFileSync(uefiFiles.vars, varsFile);
  if (existsSync(diskFile)) return;
  await promisify(execFile)('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'lazy_refcounts=on', diskFile, `${diskGb}G`]);
}
