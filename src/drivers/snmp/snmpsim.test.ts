import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/records.ts';
import { aNode } from '#test/a-task.ts';
import { freePort } from '#test/free-port.ts';
import { isInstalled } from '#tools/run-tool.ts';
import { createSnmpDriver } from './index.ts';

const reason = (await isInstalled('snmpsimd')) ? false : 'snmpsimd is not installed';

/** Fields are OID, type (2 = INTEGER, 6 = OID) with the module that keeps what is written, and the value. */
const record = `1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.13742.4
1.3.6.1.4.1.13742.4.1.2.2.1.3.1|2:writecache|value=0
1.3.6.1.4.1.13742.4.1.2.2.1.3.2|2:writecache|value=1
`;

test('another agent (snmpsim on pysnmp) is switched with all three versions', { skip: reason }, async (t) => {
  const port = await startSnmpsim(t);
  const { power, close } = createSnmpDriver();
  t.after(close);
  const versions: JsonObject[] = [
    { snmp_version: '1', snmp_community: 'pdu' },
    { snmp_version: '2c', snmp_community: 'pdu' },
    { snmp_version: '3', snmp_user: 'sim', snmp_auth_key: 'authentic', snmp_auth_protocol: 'sha256', ...encrypted },
  ];
  for (const version of versions) {
    const info = {
      snmp_driver: 'auto',
      snmp_address: '127.0.0.1',
      snmp_port: port,
      snmp_outlet: 1,
      snmp_context_name: 'pdu',
      ...version,
    };
    const node = { ...aNode({ driver_info: info }), ports: [] };
    await power.setPower(node, 'power on');
    assert.equal(await power.getPower(node), 'power on');
    await power.setPower(node, 'power off');
    assert.equal(await power.getPower(node), 'power off');
  }
});

const encrypted = { snmp_priv_key: 'encrypted', snmp_priv_protocol: 'aes' };

async function startSnmpsim(t: TestContext): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-snmpsim-'));
  await writeFile(join(folder, 'pdu.snmprec'), record);
  const port = await freePort('udp');
  const security = [
    '--v3-user=sim',
    '--v3-auth-key=authentic',
    '--v3-auth-proto=SHA256',
    '--v3-priv-key=encrypted',
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
