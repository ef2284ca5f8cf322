/**
 * `ingot serve` started as root, in its own network namespace: the capabilities that it and its children keep, and what
 * other users can read.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { asAccount } from '#domain/privileges.ts';
import { canServe, labAccount } from '#lab/start-ingot.ts';
import { readSettings } from '#settings.ts';
import { capabilitiesFor } from './privileges.ts';

const program = fileURLToPath(new URL('../../bin/ingot', import.meta.url));
const skip = process.getuid?.() !== 0 ? 'needs root' : !canServe(labAccount) && 'this folder is closed to other users';
const network = 'ip link set lo up && ip link add br0 type bridge && ip addr add 172.30.9.1/24 dev br0 && ip link set br0 up';
const provisioning = {
  'provisioning.address': '172.30.9.1',
  'provisioning.interface': 'br0',
  'provisioning.cidr': '172.30.9.0/24',
  'provisioning.pool': '172.30.9.100-172.30.9.120',
};

type Started = { child: ChildProcess; folder: string; said: string };

async function start(t: TestContext, settings: Record<string, string>, prepare = (_: string) => {}): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-user-'));
  chmodSync(folder, 0o755);
  const state = join(folder, 'state');
  prepare(folder);
  const flags = Object.entries({ state_dir: state, ...settings }).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn('unshare', ['-n', 'sh', '-c', `${network} && exec "$@"`, 'sh', program, 'serve', ...flags]);
  const closed = once(child, 'close');
  t.after(async () => {
    child.kill('SIGTERM');
    await closed;
    rmSync(folder, { recursive: true, force: true });
  });
  let said = '';
  const serving = new Promise<void>((resolve) => {
    for (const output of [child.stdout, child.stderr])
      createInterface({ input: output }).on('line', (line) => {
        said += `${line}\n`;
        if (line.startsWith('Ingot serves')) resolve();
      });
  });
  await Promise.race([serving, closed]);
  return { child, folder, said };
}

function statusOf(pid: number): Record<string, string> {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(/:?\t/, 2)));
}

const childrenOf = (pid: number) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);

test('process and dnsmasq run as another user with three capabilities, and nobody else reads their files', {
  skip,
}, async (t) => {
  const { child, folder, said } = await start(t, { ...provisioning, 'process.user': String(labAccount.uid) });
  assert.match(said, /Ingot serves/);
  const own = statusOf(child.pid ?? 0);
  assert.deepEqual(
    [own['Uid'], own['CapEff'], own['CapBnd'], own['NoNewPrivs']],
    ['64030', '0000000000003400', '0000000000003400', '1'],
  );
  const dnsmasqs = childrenOf(child.pid ?? 0).map(statusOf);
  assert.deepEqual(dnsmasqs.map((status) => [status['Name'], status['Uid'], status['CapEff']]).sort(), [
    ['dnsmasq', '64030', '0000000000002400'],
    ['dnsmasq', '64030', '0000000000003400'],
  ]);
  const state = join(folder, 'state');
  assert.equal(statSync(state).mode & 0o777, 0o700);
  for (const file of readdirSync(state).map((name) => statSync(join(state, name)))) {
    assert.equal(file.uid, labAccount.uid);
    assert.equal(file.mode & 0o077, 0);
  }
});

test('has no capabilities without DHCP', { skip }, async (t) => {
  const { child } = await start(t, { 'process.user': '64030' });
  const { CapEff, CapBnd, CapAmb } = statusOf(child.pid ?? 0);
  assert.deepEqual(
    { CapEff, CapBnd, CapAmb },
    { CapEff: '0000000000000000', CapBnd: '0000000000000000', CapAmb: '0000000000000000' },
  );
});

test('rejects a state folder of another user with the remedy', { skip }, async (t) => {
  const { said } = await start(t, { 'process.user': '64030' }, (folder) => {
    mkdirSync(join(folder, 'state'));
    writeFileSync(join(folder, 'state', 'ingot.sqlite'), '');
  });
  assert.match(
    said,
    /cannot run as 64030 \(setting process\.user\): the state folder belongs to another user: chown -R 64030:64030 /,
  );
});

test('requests only the capabilities that the settings need', () => {
  const of = (flags: Record<string, string>) => capabilitiesFor(readSettings({ flags }));
  assert.deepEqual(of({}), []);
  assert.deepEqual(of({ 'api.listen': '0.0.0.0:443' }), ['net_bind_service']);
  for (const listener of ['provisioning.http', 'provisioning.https', 'provisioning.deploy_helper', 'redfish.events_https'])
    assert.deepEqual(of({ [`${listener}_port`]: '1023' }), ['net_bind_service'], listener);
  assert.deepEqual(of({ 'provisioning.interface': 'eth1' }), ['net_bind_service', 'net_raw', 'net_admin']);
  assert.deepEqual(of({ 'network.router': 'br-ex' }), ['net_bind_service', 'net_raw', 'net_admin', 'sys_admin']);
  assert.deepEqual(asAccount({ uid: 7, gid: 8 }, []).slice(-3), [
    '--inh-caps=-all',
    '--ambient-caps=-all',
    '--bounding-set=-all',
  ]);
});
