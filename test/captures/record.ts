/**
 * Records the exchanges in ipmi/ and ipmi-1.5/ anew: ipmitool with OpenIPMI's simulator, and with the virtual BMC for
 * commands that the simulator lacks.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startBmc } from '#lab/bmc/bmc.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { writeCapture } from './capture-file.ts';
import { startIpmiSim } from './ipmi-sim.ts';
import { startUdpRelay } from './udp-relay.ts';

const run = promisify(execFile);
const user = 'admin';
const password = 'secret';

/** `suite` MD5 is IPMI 1.5. */
type Exchange = { file: string; bmc: 'ipmi_sim' | 'lab/bmc'; suite: '3' | '17' | 'MD5'; command: string; password?: string };

const exchanges: readonly Exchange[] = [
  { file: 'chassis-status', bmc: 'ipmi_sim', suite: '3', command: 'chassis status' },
  { file: 'power-on', bmc: 'ipmi_sim', suite: '3', command: 'chassis power on' },
  { file: 'bootdev-pxe', bmc: 'ipmi_sim', suite: '3', command: 'chassis bootdev pxe' },
  { file: 'bootparam-get', bmc: 'ipmi_sim', suite: '3', command: 'chassis bootparam get 5' },
  { file: 'mc-info', bmc: 'ipmi_sim', suite: '3', command: 'mc info' },
  { file: 'channel-info', bmc: 'ipmi_sim', suite: '3', command: 'channel info 1' },
  { file: 'wrong-password', bmc: 'ipmi_sim', suite: '3', command: 'chassis status', password: 'wrong' },
  { file: 'suite-17-refused', bmc: 'ipmi_sim', suite: '17', command: 'chassis status' },
  { file: 'suite-17-chassis-status', bmc: 'lab/bmc', suite: '17', command: 'chassis status' },
  { file: 'suite-17-bootdev-disk', bmc: 'lab/bmc', suite: '17', command: 'chassis bootdev disk options=persistent' },
  { file: 'power-on', bmc: 'ipmi_sim', suite: 'MD5', command: 'chassis power on' },
  { file: 'mc-info', bmc: 'ipmi_sim', suite: 'MD5', command: 'mc info' },
];

const sim = await startIpmiSim();
const bmc = await startBmc({ address: '127.0.0.1', port: 0, users: [{ name: user, password }], chassis: createMemoryChassis() });
const { stdout: version } = await run('ipmitool', ['-V']);
for (const exchange of exchanges) {
  const relay = await startUdpRelay(exchange.bmc === 'ipmi_sim' ? sim.port : bmc.port);
  const isLegacy = exchange.suite === 'MD5';
  const session = isLegacy ? ['-I', 'lan', '-A', 'MD5'] : ['-I', 'lanplus', '-C', exchange.suite];
  const peer = [...session, '-H', '127.0.0.1', '-p', String(relay.port)];
  const login = ['-U', user, '-P', exchange.password ?? password];
  // Some of these are expected to fail.
  await run('ipmitool', [...peer, ...login, ...exchange.command.split(' ')]).catch(() => {});
  relay.close();
  const notes = {
    console: version.trim(),
    bmc: exchange.bmc === 'ipmi_sim' ? 'OpenIPMI ipmi_sim' : exchange.bmc,
    command: exchange.command,
    user,
    password: exchange.password ?? password,
    bmc_password: password,
    suite: exchange.suite,
  };
  await writeCapture(join(import.meta.dirname, isLegacy ? 'ipmi-1.5' : 'ipmi', `${exchange.file}.hex`), {
    notes,
    packets: relay.passed,
  });
}
await bmc.close();
await sim.close();
