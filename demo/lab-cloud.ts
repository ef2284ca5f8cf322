/**
 * A whole cloud for trials: the lab's rack, an Ingot beside it, ramdisk and images. Demo, benchmark and tests share it.
 */
import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder } from '#build/cache.ts';
import { buildImages, type Images } from '#build/image/build-images.ts';
import { buildRamdisk, type Ramdisk } from '#build/ramdisk/build-ramdisk.ts';
import type { Account } from '#domain/privileges.ts';
import { type MachineRecord, type Rack, type RackOptions, startRack } from '#lab/rack.ts';
import { canServe, type IngotProcess, labAccount, startIngot } from '#lab/start-ingot.ts';
import type { SettingName } from '#settings.ts';
import { stateFiles } from '#store/state-files.ts';
import { CloudClient } from './cloud-client.ts';
import { type EnrolFacts, type NetworkFacts, runProgram, type SshTarget } from './main-job.ts';

export type Announce = (line: string) => void;

export type LabCloudOptions = {
  rack: RackOptions;
  /** State folder of this Ingot; emptied first. */
  stateDir: string;
  /** Port of the API on 127.0.0.1; default any. */
  port?: number;
  settings?: Partial<Record<SettingName, string>>;
  /** Default: built now, unless cached. */
  artifacts?: Artifacts;
  announce: Announce;
};

export type Artifacts = { images: Images; ramdisk: Ramdisk };

export type LabCloud = {
  rack: Rack;
  ingot: IngotProcess;
  cloud: CloudClient;
  images: Images;
  ramdisk: Ramdisk;
  stateDir: string;
  /** Private key of the demo's key pair, and its public half. */
  key: { file: string; publicKey: string };
  ssh(address: string): SshTarget;
  close(): Promise<void>;
};

/** Tenants' addresses; the rest of the provisioning subnet is the pool for machines without a port. */
export const labNetwork: NetworkFacts = {
  cidr: '172.30.0.0/24',
  gateway: '172.30.0.1',
  first: '172.30.0.50',
  last: '172.30.0.99',
};

/** Caches everything that can be cached. Builds report their own progress. */
export async function buildArtifacts(announce: Announce): Promise<Artifacts> {
  const ramdisk = await buildRamdisk({ profile: 'lab', announce });
  const images = await buildImages({ announce });
  return { images, ramdisk };
}

/** Starts everything; on failure nothing stays up. */
export async function startLabCloud(options: LabCloudOptions): Promise<LabCloud> {
  const { announce, stateDir } = options;
  const { images, ramdisk } = options.artifacts ?? (await buildArtifacts(announce));
  await rm(stateDir, { recursive: true, force: true });
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  announce('starting the virtual rack');
  const rack = await startRack(options.rack);
  try {
    announce('starting Ingot');
    const settings = { 'deploy.kernel': ramdisk.kernel, 'deploy.ramdisk': ramdisk.ramdisk, ...options.settings };
    const { namespace } = rack.record;
    const account = unprivileged(announce);
    if (account) {
      letPass(dirname(stateDir), account);
      for (const machine of rack.record.machines) letRead(machine.console, account);
    }
    const ingot = await startIngot({ namespace, stateDir, settings, account, ...(options.port && { port: options.port }) });
    const key = await makeKey(stateDir);
    const target = { user: 'debian', keyFile: key.file, knownHosts: join(stateDir, 'known-hosts'), namespace };
    return {
      rack,
      ingot,
      cloud: await logIn(ingot.url, stateDir),
      images,
      ramdisk,
      stateDir,
      key,
      ssh: (address) => ({ ...target, address }),
      async close() {
        await ingot.stop();
        await rack.stop();
      },
    };
  } catch (error) {
    await rack.stop();
    throw error;
  }
}

function unprivileged(announce: Announce): Account | undefined {
  if (canServe(labAccount)) return labAccount;
  announce('Ingot runs as root: this folder is closed to other users');
  return undefined;
}

/** The rack's folder also holds BMC passwords: Ingot may traverse it and read this file. */
function letRead(file: string, account: Account): void {
  writeFileSync(file, '', { flag: 'a' });
  chownSync(file, 0, account.gid);
  chmodSync(file, 0o640);
  letPass(dirname(file), account);
}

/** Our private folders: other users cannot list them, but can open files in them by name. */
function letPass(folder: string, account: Account): void {
  if (folder.length <= cacheFolder.length) return;
  letPass(dirname(folder), account);
  if (statSync(folder).mode & 0o001) return;
  chownSync(folder, 0, account.gid);
  chmodSync(folder, 0o710);
}

export async function logIn(url: string, stateDir: string): Promise<CloudClient> {
  const password = (await readFile(join(stateDir, stateFiles.password), 'utf8')).trim();
  return CloudClient.login({ url, user: 'admin', password, project: 'admin' });
}

async function makeKey(stateDir: string): Promise<LabCloud['key']> {
  const file = join(stateDir, 'demo-key');
  await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ingot-demo', '-f', file]);
  return { file, publicKey: (await readFile(`${file}.pub`, 'utf8')).trim() };
}

/** A lab machine as an operator would enrol it: a modern one by Redfish, an older one by IPMI. */
export function enrolFacts(machine: MachineRecord): EnrolFacts {
  const { name, bmc, redfish, cpus, memory_mb, local_gb, firmware, macs, console } = machine;
  const modern = firmware === 'uefi' && redfish ? { redfish } : {};
  return { ...modern, name, bmc, cpus, memory_mb, local_gb, firmware, mac: macs[0] ?? '', console_file: console };
}
