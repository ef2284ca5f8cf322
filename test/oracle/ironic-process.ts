/** Ironic in one process and without authentication, in its root folder, with SQLite. Exits with this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runCommand } from '#build/run-command.ts';
import { Service } from './service.ts';

const port = 6385;
const trx = '/srv/oracle';
const startMaxWaitMs = 600_000;
const environment = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8', 'HOME=/root'];

/** Features that Ingot also has; where Ingot has only one variant, Ironic is set to the corresponding one. */
const settings = `[DEFAULT]
auth_strategy = noauth
rpc_transport = none
host = ${hostname()}
my_ip = 127.0.0.1
enabled_hardware_types = fake-hardware,manual-management
enabled_bios_interfaces = fake,no-bios
enabled_boot_interfaces = fake,ipxe
enabled_console_interfaces = fake,no-console
enabled_deploy_interfaces = fake,direct
enabled_firmware_interfaces = fake,no-firmware
enabled_inspect_interfaces = agent
enabled_management_interfaces = fake,noop
enabled_network_interfaces = noop
enabled_power_interfaces = fake
enabled_raid_interfaces = fake,no-raid
enabled_rescue_interfaces = no-rescue
enabled_storage_interfaces = noop
enabled_vendor_interfaces = fake,no-vendor
[agent]
manage_agent_boot = false
[api]
host_ip = 127.0.0.1
port = ${port}
[conductor]
automated_clean = false
[database]
connection = sqlite:///${trx}/ironic.sqlite
[deploy]
http_root = ${trx}/http
http_url = http://127.0.0.1:8080
[oslo_concurrency]
lock_path = ${trx}
[pxe]
tftp_root = ${trx}/tftp
`;

/**
 * @param root as created by `ensureDebianRoot` @param log file for Ironic's output @returns also a folder in memory, for what
 * this run writes
 */
export async function startIronic(
  root: string,
  log: string,
): Promise<{ service: Service; version: string; folder: string; stop(): void }> {
  const folder = join(root, trx);
  mkdirSync(folder, { recursive: true });
  // In this process's mount namespace: runs beside each other do not meet, and leave nothing behind.
  await runCommand('mount', ['-t', 'tmpfs', 'tmpfs', folder]);
  for (const name of ['http', 'tftp']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'ironic.conf'), settings);
  await runCommand('mount', ['-t', 'proc', 'proc', join(root, 'proc')]);
  const run = (program: string, ...args: string[]) => [root, ...environment, program, ...args];
  const file = `--config-file=${trx}/ironic.conf`;
  await runCommand('chroot', run('ironic-dbsync', file, 'create_schema'), { timeoutMs: startMaxWaitMs });
  const named = await runCommand('chroot', run('dpkg-query', '-W', 'ironic-api'));
  const words = ['--pdeathsig', 'KILL', '--', 'chroot', ...run('ironic', file)];
  const child = spawn('setpriv', words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = createWriteStream(log);
  child.stdout.pipe(output);
  child.stderr.pipe(output);
  const service = new Service('Ironic', `http://127.0.0.1:${port}`, { 'openstack-system-scope': 'all', 'x-roles': 'admin' });
  await untilAnswering(service, child, log);
  return { service, version: named.split('\t')[1]?.trim() ?? '', folder, stop: () => void child.kill('SIGKILL') };
}

/** It responds when its conductor has registered its drivers. */
async function untilAnswering(service: Service, child: ChildProcess, log: string): Promise<void> {
  const end = Date.now() + startMaxWaitMs;
  for (;;) {
    const reply = await service.ask({ method: 'GET', path: '/drivers/fake-hardware' }).catch(() => undefined);
    if (reply?.status === 200) return;
    const ended = child.exitCode ?? child.signalCode;
    if (ended !== null || Date.now() > end)
      throw new Error(`Ironic ${ended === null ? 'did not respond' : `ended with ${ended}`}; see ${log}`);
    await pause(200);
  }
}
