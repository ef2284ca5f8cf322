/** The host's properties that a reader needs to compare benchmark figures. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { projectRoot } from '#build/cache.ts';
import type { Ramdisk } from '#build/ramdisk/build-ramdisk.ts';
import { chooseAcceleration } from '#lab/kvm-probe.ts';
import type { Rack } from '#lab/rack.ts';
import { kvmMemoryFile } from '#lab/rack-plan.ts';

const run = promisify(execFile);

export async function hostFacts(rack: Rack, ramdisk: Ramdisk): Promise<Record<string, string>> {
  const [machine] = rack.machines;
  const chosen = rack.record.options.acceleration ?? 'auto';
  const { kernelRelease, nodeVersion, ramdiskBytes } = ramdisk.manifest;
  return {
    ingot: await commit(),
    host: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}, ${(totalmem() / 1024 ** 3).toFixed(1)} GiB, Linux ${release()}, ${system()}`,
    'virtual machine': `${machine?.cpus} × CPU, ${machine?.memory_mb} MiB, ${chosen === 'auto' ? await chooseAcceleration(kvmMemoryFile) : chosen}`,
    ramdisk: `kernel ${kernelRelease}, Node.js ${nodeVersion}, ${(ramdiskBytes / 1e6).toFixed(1)} MB`,
    'node.js': process.version,
    qemu: await firstLine('qemu-system-x86_64', ['--version']),
    curl: await firstLine('curl', ['--version']),
    zstd: await firstLine('zstd', ['--version']),
  };
}

async function commit(): Promise<string> {
  const { version } = JSON.parse(readFileSync(`${projectRoot}/package.json`, 'utf8')) as { version: string };
  const hash = await run('git', ['-C', projectRoot, 'describe', '--always', '--dirty']).catch(() => undefined);
  return hash ? `${version} (${hash.stdout.trim()})` : version;
}

function system(): string {
  try {
    return /^PRETTY_NAME="?(.*?)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown system';
  } catch {
    return 'unknown system';
  }
}

/** Only the version: the first line also names the vendor. */
async function firstLine(program: string, args: string[]): Promise<string> {
  const { stdout } = await run(program, args);
  return /\d+(\.\d+)+/.exec(stdout)?.[0] ?? stdout.split('\n')[0] ?? '';
}
