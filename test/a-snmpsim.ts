/** Debian's snmpsimd, an agent based on another library (pysnmp) that responds from records, on loopback. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from './free-port.ts';

export const simUser = {
  snmp_user: 'sim',
  snmp_auth_protocol: 'sha256',
  snmp_auth_key: 'authentic',
  snmp_priv_protocol: 'aes',
  snmp_priv_key: 'encrypted',
};

/** @param records texts of `.snmprec` files, by their community (or context). @returns the port */
export async function startSnmpsim(t: Pick<TestContext, 'after'>, records: Readonly<Record<string, string>>): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-snmpsim-'));
  for (const [name, record] of Object.entries(records)) await writeFile(join(folder, `${name}.snmprec`), record);
  const port = await freePort('udp');
  const security = [
    `--v3-user=${simUser.snmp_user}`,
    `--v3-auth-key=${simUser.snmp_auth_key}`,
    '--v3-auth-proto=SHA256',
    `--v3-priv-key=${simUser.snmp_priv_key}`,
    '--v3-priv-proto=AES',
  ];
  const place = [`--data-dir=${folder}`, `--cache-dir=${join(folder, 'cache')}`, `--agent-udpv4-endpoint=127.0.0.1:${port}`];
  const user = process.getuid?.() === 0 ? ['--process-user=root', '--process-group=root'] : [];
  const child = spawn('snmpsimd', [...place, ...security, ...user], { stdio: ['ignore', 'ignore', 'pipe'] });
  const gone = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await gone;
    await rm(folder, { recursive: true });
  });
  const up = Promise.withResolvers<void>();
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    if (said.includes('Listening at UDP/IPv4')) up.resolve();
  });
  child.on('exit', () => up.reject(new Error(`snmpsimd ended: ${said}`)));
  await up.promise;
  return port;
}
