/**
 * A server without hardware: a power state, simulated firmware that acts on what Ingot offers, a file as its disk, and
 * the real agent as a separate program in place of the ramdisk. BMC and agent are real; firmware and kernel are
 * simulated.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BootOverride } from '#lab/bmc/boot-override.ts';
import type { Chassis } from '#lab/bmc/chassis.ts';
import { insideNamespace } from '#lab/network.ts';
import { type Offer, readIpxe, readPxelinux } from './boot-configs.ts';

export type MachinePlan = {
  readonly name: string;
  readonly mac: string;
  readonly namespace: string;
  readonly address: string;
  readonly serverAddress: string;
  readonly bootUrl: string;
  readonly tftpRoot: string;
  readonly diskFile: string;
  /** Folder for the kernel line, fetched files, and the agent's output. */
  readonly folder: string;
  /** BMC on 127.0.0.1 in Ingot's namespace: IPMI, and Redfish without TLS. */
  readonly bmc: { readonly port: number; readonly redfishPort: number; readonly user: string; readonly password: string };
};

/** Events of a machine, in order. */
export type MachineNews =
  | { what: 'power'; state: 'on' | 'off' }
  /** `system`: the ramdisk, or the user's system from the network or from the disk. */
  | { what: 'boot'; system: 'ramdisk' | 'network' | 'disk'; line: string; kernel: string; initrd: string }
  | { what: 'agent ended'; code: number | null }
  | { what: 'halted'; why: string };

const run = promisify(execFile);
const agentProgram = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));
/** Firmware retries while no server responds; the real one gives up after about as long. */
const firmwareMaxWait = 60_000;
const firmwarePause = 50;
const bootSignature = 0xaa55;

export class SimulatedMachine extends EventEmitter<{ news: [MachineNews] }> implements Chassis {
  readonly plan: MachinePlan;
  readonly bootOverride = new BootOverride();
  /** A NIC without link: firmware finds no network. */
  nicIsDead = false;
  /** PATH inside the ramdisk. */
  ramdiskPath = process.env['PATH'] ?? '';
  #running: AbortController | undefined;
  #agent: ChildProcess | undefined;
  #agentGone: Promise<unknown> = Promise.resolve();

  constructor(plan: MachinePlan) {
    super();
    this.plan = plan;
  }

  power(): 'on' | 'off' {
    return this.#running ? 'on' : 'off';
  }

  powerOn(): void {
    if (this.#running) return;
    this.emit('news', { what: 'power', state: 'on' });
    this.#boot();
  }

  powerOff(): void {
    if (!this.#running) return;
    this.#cut();
    this.emit('news', { what: 'power', state: 'off' });
  }

  reset(): void {
    if (!this.#running) return;
    this.#cut();
    this.#boot();
  }

  powerCycle(): void {
    this.powerOff();
    this.powerOn();
  }

  softOff(): void {
    this.powerOff();
  }

  /** Simulates a hung kernel: power stays on, the machine no longer responds. */
  killAgent(): boolean {
    return this.#agent?.kill('SIGKILL') ?? false;
  }

  /** Resolves when all programs of this machine have exited. */
  async dismantle(): Promise<void> {
    this.#cut();
    await this.#agentGone;
  }

  #cut(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#agent?.kill('SIGKILL');
  }

  #boot(): void {
    const running = new AbortController();
    this.#running = running;
    const first = this.bootOverride.takeForBoot()?.device === 'disk' ? 'disk' : 'network';
    this.#start(first, running.signal).catch((error: Error) => {
      if (!running.signal.aborted) this.emit('news', { what: 'halted', why: error.message });
    });
  }

  async #start(first: 'disk' | 'network', signal: AbortSignal): Promise<void> {
    await this.#agentGone;
    const offer = first === 'network' ? await this.#askNetwork(signal) : undefined;
    if (offer?.kind === 'kernel') return this.#load(offer, signal);
    if (await this.#hasBootSector())
      return void this.emit('news', { what: 'boot', system: 'disk', line: '', kernel: '', initrd: '' });
    const late = first === 'disk' ? await this.#askNetwork(signal) : undefined;
    if (late?.kind === 'kernel') return this.#load(late, signal);
    signal.throwIfAborted();
    this.emit('news', { what: 'halted', why: 'no bootable device' });
  }

  /**
   * The pxelinux configuration, which DHCP would have named, if there is one; otherwise the script that iPXE requests.
   */
  async #askNetwork(signal: AbortSignal): Promise<Offer | undefined> {
    if (this.nicIsDead) return undefined;
    const { mac, address, serverAddress, tftpRoot, bootUrl } = this.plan;
    const hyphens = mac.replaceAll(':', '-');
    const config = await readFile(join(tftpRoot, 'pxelinux.cfg', `01-${hyphens}`), 'utf8').catch(() => undefined);
    if (config !== undefined) return readPxelinux(config, { mac, ip: `${address}:${serverAddress}::255.255.255.0` });
    const script = join(this.plan.folder, 'script');
    const status = await this.#fetch(`${bootUrl}/boot/ipxe/${hyphens}`, script, signal);
    return status === 200 ? readIpxe(await readFile(script, 'utf8'), mac) : undefined;
  }

  async #load(offer: Offer & { kind: 'kernel' }, signal: AbortSignal): Promise<void> {
    const [kernel, initrd] = [await this.#digest(offer.kernel, signal), await this.#digest(offer.initrd, signal)];
    signal.throwIfAborted();
    const isRamdisk = /(^|\s)(ingot\.token|iscsi_target_iqn)=/.test(offer.line);
    const { line } = offer;
    this.emit('news', { what: 'boot', system: isRamdisk ? 'ramdisk' : 'network', line, kernel, initrd });
    if (isRamdisk) await this.#startAgent(line, signal);
  }

  /** SHA-256 of a boot file, fetched the way the firmware does. */
  async #digest(path: string, signal: AbortSignal): Promise<string> {
    let file = join(this.plan.tftpRoot, path);
    if (path.startsWith('http:')) {
      file = join(this.plan.folder, 'boot-file');
      const status = await this.#fetch(path, file, signal);
      if (status !== 200) throw new Error(`${path} was answered with ${status}`);
    }
    return createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  }

  /** From the machine's own address. Retries while no server responds. @returns the HTTP status */
  async #fetch(url: string, file: string, signal: AbortSignal): Promise<number> {
    const command = insideNamespace(this.plan.namespace, ['curl', '-s', '-m', '20', '-o', file, '-w', '%{http_code}', url]);
    for (const end = performance.now() + firmwareMaxWait; ; ) {
      const [program, ...args] = command;
      const answer = await run(program, args, { signal }).then(
        ({ stdout }) => Number(stdout),
        () => 0,
      );
      signal.throwIfAborted();
      if (answer > 0) return answer;
      if (performance.now() > end) throw new Error(`${url} was not answered`);
      await pause(firmwarePause, undefined, { signal });
    }
  }

  async #startAgent(line: string, signal: AbortSignal): Promise<void> {
    const { folder, diskFile, namespace } = this.plan;
    const lineFile = join(folder, 'cmdline');
    await writeFile(lineFile, `${line}\n`);
    signal.throwIfAborted();
    const agent = [process.execPath, '--disable-warning=ExperimentalWarning', agentProgram, '--no-reboot'];
    // Its own process namespace: killing its first process ends all others, as a power cut does.
    const command = insideNamespace(namespace, [
      ...['unshare', '--pid', '--fork', '--kill-child=SIGKILL', '--mount', '--'],
      ...['sh', '-c', 'mount -t tmpfs none /run && PATH=$0 && exec "$@"', this.ramdiskPath],
      ...[...agent, '--kernel-line', lineFile, '--disk', diskFile, '--classic', `disk=${diskFile}`],
    ]);
    const output = openSync(join(folder, 'agent.log'), 'a');
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], { stdio: ['ignore', output, output] });
    closeSync(output);
    this.#agent = child;
    const closed = once(child, 'close') as Promise<[number | null]>;
    this.#agentGone = closed.catch(() => {});
    const [code] = await closed;
    this.#agent = undefined;
    if (signal.aborted) return;
    this.emit('news', { what: 'agent ended', code });
    // It restarts the machine by exiting with status 0.
    if (code === 0) this.reset();
  }

  async #hasBootSector(): Promise<boolean> {
    const file = await open(this.plan.diskFile, 'r');
    try {
      const { buffer } = await file.read(Buffer.alloc(512), 0, 512, 0);
      return buffer.readUInt16LE(510) === bootSignature;
    } finally {
      await file.close();
    }
  }
}
