/** OpenIPMI's BMC simulator as a peer for tests: one BMC on loopback, one machine that consists of three files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';

const program = '/usr/bin/ipmi_sim';

/** The reason to skip, or false. */
export const withoutIpmiSim = existsSync(program) ? false : 'ipmi_sim is not installed (Debian package openipmi)';
export const withoutIpmitool = existsSync('/usr/bin/ipmitool') ? false : 'ipmitool is not installed';

export type IpmiSim = {
  readonly port: number;
  /** Every call of the simulator to its machine, e.g. `set power 1`. */
  actions(): Promise<string[]>;
  close(): Promise<void>;
};

/** Data of the simulated BMC. */
export type SimKnowledge = {
  /** Sensor data records in the language of OpenIPMI's `sdrcomp`. */
  readonly records: string;
  /** Additional commands of `ipmi_sim_cmd(5)`, before the BMC is enabled. */
  readonly commands: string;
};

/**
 * Users `admin` with password `secret`, and the anonymous one with `test`.
 * @param serialPort TCP port on loopback of the machine's serial line; absent = no serial line
 */
export async function startIpmiSim(knowledge?: SimKnowledge, serialPort?: number): Promise<IpmiSim> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-ipmi-sim-'));
  const port = await freePort('udp');
  await mkdir(join(folder, 'state'));
  await writeFile(join(folder, 'lan.conf'), lanConfiguration(folder, port) + serialLine(serialPort));
  await writeFile(join(folder, 'sim.emu'), emulation(knowledge));
  if (knowledge) await compileRecords(folder, knowledge.records);
  await writeFile(join(folder, 'machine'), machine(folder));
  await chmod(join(folder, 'machine'), 0o755);
  const child = spawn(program, ['-n', '-c', 'lan.conf', '-f', 'sim.emu', '-s', 'state'], { cwd: folder, stdio: 'ignore' });
  await answering(port, child);
  return {
    port,
    async actions() {
      const log = await readFile(join(folder, 'log'), 'utf8').catch(() => '');
      return log.split('\n').filter(Boolean);
    },
    async close() {
      const ended = once(child, 'exit');
      if (child.exitCode === null && child.kill('SIGKILL')) await ended;
      await rm(folder, { recursive: true });
    },
  };
}

function lanConfiguration(folder: string, port: number): string {
  const methods = 'none md2 md5 straight';
  return `name "sim"
chassis_control "${folder}/machine 0x20"
startlan 1
  addr 127.0.0.1 ${port}
  priv_limit admin
  allowed_auths_callback ${methods}
  allowed_auths_user ${methods}
  allowed_auths_operator ${methods}
  allowed_auths_admin ${methods}
  guid a123456789abcdefa123456789abcdef
endlan
user 1 true "" "test" user 10 ${methods}
user 2 true "admin" "secret" admin 10 ${methods}
`;
}

function serialLine(port: number | undefined): string {
  return port === undefined ? '' : `sol "tcp:127.0.0.1:${port}" 115200\n`;
}

/** The simulator reserves sensor 0 for the watchdog. */
function emulation(knowledge: SimKnowledge | undefined): string {
  return `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02${knowledge ? ' persist_sdr' : ''}
${knowledge ? 'sel_enable 0x20 1000 0x0a' : ''}
${knowledge?.commands ?? ''}
mc_enable 0x20
`;
}

/** Written to the file from which the simulator loads the BMC's repository. */
async function compileRecords(folder: string, records: string): Promise<void> {
  const source = join(folder, 'sim.sdrs');
  await writeFile(source, records);
  const kept = join(folder, 'state', 'ipmi_sim', 'sim');
  await mkdir(kept, { recursive: true });
  const child = spawn('sdrcomp', ['-o', join(kept, 'sdr.20.main'), source], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`sdrcomp ended with ${code}`);
}

/** The simulator runs this as `machine 0x20 get power` or `machine 0x20 set power 1`. */
function machine(folder: string): string {
  return `#!/bin/sh
shift
echo "$@" >> ${folder}/log
case $1 in
get) echo "$2:$(cat ${folder}/$2 2>/dev/null || case $2 in boot) echo default;; *) echo 0;; esac)";;
set) echo "$3" > ${folder}/$2;;
esac
`;
}

/** Waits for the response to an ASF ping: the simulator has no other sign of readiness. */
async function answering(port: number, child: ChildProcess): Promise<void> {
  const socket = createSocket('udp4');
  const ping = () => socket.send(Buffer.from('0600ff06000011be80000000', 'hex'), port, '127.0.0.1');
  const timer = setInterval(ping, 20);
  ping();
  try {
    const heard = once(socket, 'message', { signal: AbortSignal.timeout(30_000) });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('ipmi_sim ended')));
    ended.catch(() => {});
    await Promise.race([heard, ended]);
  } finally {
    clearInterval(timer);
    socket.close();
  }
}
