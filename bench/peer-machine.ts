/** The peer's run: a machine like those of the rack, booted with the deploy ramdisk, writes an image without Ingot. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Ramdisk } from '#build/ramdisk/build-ramdisk.ts';
import { padding } from '#build/ramdisk/cpio.ts';
import { chooseAcceleration } from '#lab/kvm-probe.ts';
import { ensureFiles } from '#lab/machine.ts';
import { consoleDescriptor, type MachineSpec, qemuArguments, qmpDescriptor } from '#lab/qemu-arguments.ts';
import type { Rack } from '#lab/rack.ts';
import { kvmMemoryFile, planRack, provisioningNetwork } from '#lab/rack-plan.ts';
import { peerLayer } from './peer-layer.ts';
import { type PeerWrite, readPeerWord } from './peer-report.ts';

/** Neither a tenant's address nor one from the pool. */
const guestAddress = '172.30.0.150';
const filePort = 8181;
const maxWaitMs = 900_000;

export type PeerOptions = {
  /** The rack's first machine must be off: the peer uses its NIC. */
  rack: Rack;
  ramdisk: Ramdisk;
  /** Compressed by zstd. */
  imageFile: string;
  /** Folder for disk, console and joined ramdisk; emptied first. */
  folder: string;
  signal: AbortSignal;
};

/** Both methods of the peer, in the order they ran. Throws the console's error message on failure. */
export async function runPeer(options: PeerOptions): Promise<PeerWrite[]> {
  const { rack, folder, imageFile, signal } = options;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const spec = await machineSpec(rack, folder);
  await ensureFiles(spec);
  const initrd = await joinRamdisk(options);
  const files = serveFolder(rack, dirname(imageFile));
  const machine = startMachine({ rack, spec, kernel: options.ramdisk.kernel, initrd });
  try {
    return await listen(machine, spec, AbortSignal.any([signal, AbortSignal.timeout(maxWaitMs)]));
  } finally {
    await Promise.all([end(machine), end(files)]);
    rmSync(spec.diskFile, { force: true });
    rmSync(initrd, { force: true });
  }
}

/** The first machine of the rack, except for its files. */
async function machineSpec(rack: Rack, folder: string): Promise<MachineSpec> {
  const { bmcAddress: _, ...plan } = planRack(rack.record.options).machines[0]!;
  const chosen = rack.record.options.acceleration ?? 'auto';
  return {
    ...plan,
    name: 'peer',
    diskFile: join(folder, 'disk.qcow2'),
    consoleFile: join(folder, 'console.log'),
    logFile: join(folder, 'qemu.log'),
    acceleration: chosen === 'auto' ? await chooseAcceleration(kvmMemoryFile) : chosen,
  };
}

async function joinRamdisk({ ramdisk, imageFile, folder }: PeerOptions): Promise<string> {
  const url = `http://${provisioningNetwork.address}:${filePort}/${basename(imageFile)}`;
  const base = await readFile(ramdisk.ramdisk);
  const file = join(folder, 'ramdisk');
  writeFileSync(file, Buffer.concat([base, padding(base.length), await peerLayer(url)]));
  return file;
}

/** A plain third-party file server. */
function serveFolder(rack: Rack, folder: string): ChildProcess {
  const listen = `${provisioningNetwork.address}:${filePort}`;
  return rack.spawn(endingWithUs('busybox', 'httpd', '-f', '-p', listen, '-h', folder), { stdio: 'ignore' });
}

type MachineParts = { rack: Rack; spec: MachineSpec; kernel: string; initrd: string };

function startMachine({ rack, spec, kernel, initrd }: MachineParts): ChildProcess {
  const address = `ip=${guestAddress}:${provisioningNetwork.address}:0.0.0.0:255.255.255.0`;
  const boot = ['-kernel', kernel, '-initrd', initrd, '-append', `console=ttyS0,115200n8 nomodeset ${address}`];
  const command = endingWithUs('qemu-system-x86_64', ...qemuArguments(spec, { order: [], media: {} }), ...boot);
  const child = rack.spawn(command, { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] });
  child.stderr?.on('data', (text) => appendFileSync(spec.logFile, text));
  (child.stdio[qmpDescriptor] as Readable).on('error', () => {}).resume();
  return child;
}

/** The program exits with this process, whatever ends that. */
function endingWithUs(...command: string[]): string[] {
  return ['setpriv', '--pdeathsig', 'KILL', ...command];
}

async function listen(machine: ChildProcess, spec: MachineSpec, signal: AbortSignal): Promise<PeerWrite[]> {
  const line = machine.stdio[consoleDescriptor as number] as Readable;
  line.on('error', () => {});
  const writes: PeerWrite[] = [];
  const lines = createInterface({ input: line, signal });
  for await (const text of lines) {
    const word = readPeerWord(text);
    if (word === 'finished') return writes;
    if (word && 'failure' in word) throw new Error(`the peer failed: ${word.failure} (${spec.consoleFile})`);
    if (word) writes.push(word);
  }
  signal.throwIfAborted();
  throw new Error(`the peer's machine ended before its work did; ${spec.consoleFile} and ${spec.logFile} may say why`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
