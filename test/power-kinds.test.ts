/** The classic driver supported one kind of power control per host. Here machines of six kinds share one process. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startBmc } from '#lab/bmc/bmc.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { isInstalled } from '#tools/run-tool.ts';
import { openSite } from './a-site.ts';
import { communities, startSnmpd } from './a-snmpd.ts';
import { ibootUser, startIboot } from './an-iboot.ts';

const reason = (await isInstalled('snmpd')) && (await isInstalled('snmpget')) ? false : 'snmpd or snmp is not installed';

const outlet = '1.3.6.1.4.1.318.1.1.12.3.3.1.1.4';

/** One machine of each kind, and its actual power state. */
async function openMachines(t: TestContext) {
  const objects = { values: { [`${outlet}.1`]: 2, [`${outlet}.2`]: 2 }, effects: [] };
  const snmpd = await startSnmpd({ identity: '.1.3.6.1.4.1.318.1.3.4.5', objects });
  t.after(() => snmpd.close());
  const iboot = await startIboot();
  t.after(() => iboot.close());
  const chassis = createMemoryChassis();
  const users = [{ name: 'admin', password: 'secret' }];
  const bmc = await startBmc({ address: '127.0.0.1', port: 0, users, chassis });
  t.after(() => bmc.close());
  const other = await startBmc({ address: '127.0.0.1', port: 0, users, chassis: createMemoryChassis() });
  t.after(() => other.close());
  const service = await startService(t);
  const manager = await writeManager(t);

  const pdu = {
    snmp_driver: 'auto',
    snmp_address: '127.0.0.1',
    snmp_port: snmpd.port,
    snmp_version: '2c',
    snmp_community: communities.write,
  };
  const ipmi = { ipmi_address: '127.0.0.1', ipmi_port: bmc.port, ipmi_username: 'admin', ipmi_password: 'secret' };
  const relay = {
    iboot_address: `127.0.0.1:${iboot.port},2`,
    iboot_username: ibootUser.user,
    iboot_password: ibootUser.password,
  };
  const urls = Object.fromEntries(['on', 'off', 'query'].map((what) => [`power_${what}_uri`, `${service.url}/{name}/${what}`]));
  const nodes = [
    { name: 'by-snmp', driver: 'snmp', driver_info: { ...pdu, snmp_outlet: 1 } },
    { name: 'by-iboot', driver: 'iboot', driver_info: relay },
    { name: 'by-tilera', driver: 'tilera-pdu', driver_info: { tilera_pdu_address: '10.0.100.1', tilera_status: 'manager' } },
    { name: 'by-webhook', driver: 'webhook', driver_info: urls },
    { name: 'by-ipmi', driver: 'ipmi', driver_info: ipmi },
    { name: 'by-fake', driver: 'fake-hardware', driver_info: {} },
    // A machine with a BMC that is also powered through a PDU.
    {
      name: 'bmc-on-pdu',
      driver: 'ipmi',
      power_interface: 'snmp',
      driver_info: { ...ipmi, ipmi_port: other.port, ...pdu, snmp_outlet: 2 },
    },
  ];
  const isOn = {
    'by-snmp': async () => (await snmpd.get(`${outlet}.1`)) === '1',
    'by-iboot': async () => iboot.relays[1],
    'by-tilera': async () => (await manager.state()) === '1',
    'by-webhook': async () => service.states.get('by-webhook') === 'running',
    'by-ipmi': async () => chassis.power() === 'on',
    'bmc-on-pdu': async () => (await snmpd.get(`${outlet}.2`)) === '1',
  };
  return { nodes, isOn, manager: manager.path };
}

test('controls machines with six kinds of power in one process', { skip: reason }, async (t) => {
  const { nodes, isOn, manager } = await openMachines(t);
  const { ask, settled } = await openSite(t, { 'tilera.pdu_mgr': manager });

  for (const node of nodes) assert.equal((await ask('POST', '/nodes', node)).status, 201, node.name);
  for (const { name } of nodes) {
    const { body } = await ask('GET', `/nodes/${name}/validate`);
    assert.deepEqual(body.power, { result: true }, name);
  }
  for (const target of ['power on', 'power off', 'power on']) {
    const put = ({ name }: { name: string }) => ask('PUT', `/nodes/${name}/states/power`, { target });
    for (const { status } of await Promise.all(nodes.map(put))) assert.equal(status, 202);
    for (const { name } of nodes) {
      const node = await settled(name);
      assert.equal(node.power_state, target, `${name}: ${node.last_error}`);
    }
    for (const [name, really] of Object.entries(isOn))
      assert.equal(await really(), target === 'power on', `${name} is ${target}`);
  }

  const shown = JSON.stringify((await ask('GET', '/nodes/detail')).body);
  for (const secret of [communities.write, 'secret']) assert.ok(!shown.includes(`"${secret}"`), 'secrets are stars');
});

test('rejects a wrong setting by its key', { skip: reason }, async (t) => {
  const { nodes, manager } = await openMachines(t);
  const { ask } = await openSite(t, { 'tilera.pdu_mgr': manager });
  const [first] = nodes;
  const driver_info = { ...first?.driver_info, snmp_outlet: 'A' };
  await ask('POST', '/nodes', { ...first, driver_info });
  const { body } = await ask('GET', '/nodes/by-snmp/validate');
  assert.equal(body.power.result, false);
  assert.match(body.power.reason, /snmp_outlet must be a number from 1/);
});

/** A site's webhook service: `/{machine}/on`, `/off`, `/query`. */
async function startService(t: TestContext) {
  const states = new Map<string, string>();
  const server = createServer((request, response) => {
    const [, machine = '', what] = request.url?.split('/') ?? [];
    if (what !== 'query') states.set(machine, what === 'on' ? 'running' : 'stopped');
    response.end(JSON.stringify({ status: states.get(machine) ?? 'stopped' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { states, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** A site's PDU manager: a shell script that keeps the state in a file. */
async function writeManager(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-pdu-mgr-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'pdu_mgr');
  const file = join(folder, 'state');
  await writeFile(file, '2\n');
  await writeFile(path, `#!/bin/sh\nif [ "$2" = 9 ]; then cat ${file}; else echo "$2" > ${file}; fi\n`, { mode: 0o755 });
  return { path, state: async () => (await readFile(file, 'utf8')).trim() };
}
