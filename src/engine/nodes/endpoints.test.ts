import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { ibootEndpoints } from '#drivers/iboot/properties.ts';
import type { NodeFacts } from '#drivers/interfaces.ts';
import { ipmiEndpoints } from '#drivers/ipmi/properties.ts';
import { redfishEndpoints } from '#drivers/redfish/properties.ts';
import { snmpEndpoints } from '#drivers/snmp/properties.ts';
import { testCloud } from '#test/a-cloud.ts';

/** Each driver's own parser of its settings; the machines exist only as power states. */
const readers = { ipmi: ipmiEndpoints, redfish: redfishEndpoints, iboot: ibootEndpoints, snmp: snmpEndpoints };
const endpoints = (facts: NodeFacts) =>
  (Object.keys(readers) as (keyof typeof readers)[]).flatMap((name) =>
    facts.driver_info[`${name}_address`] === undefined ? [] : readers[name](facts),
  );

async function aSite(t: TestContext, uuids: Record<string, string> = {}) {
  const cloud = await testCloud({
    management: { endpoints, systemUuid: async ({ name }) => uuids[name ?? ''] },
  });
  await cloud.engine.start();
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  const enrol = (name: string, driver_info: JsonObject, more: object = {}) =>
    cloud.engine.createNode({ driver: 'room', name, driver_info, ...more });
  const verify = async (name: string) => {
    const node = await cloud.store.nodes.find({ name });
    await cloud.engine.setProvisionState(node!.uuid, 'manage');
    const running = await cloud.store.nodes.find({ name });
    if (running?.operation_id) await cloud.engine.ended(running.operation_id);
    return cloud.store.nodes.find({ name });
  };
  return { ...cloud, enrol, verify };
}

const snmp = { snmp_driver: 'apc_rackpdu', snmp_community: 'private' };
/** `null`: both may be enrolled. */
const pairs: readonly (readonly [first: JsonObject, second: JsonObject, clash: RegExp | null])[] = [
  [{ ipmi_address: '192.0.2.7' }, { ipmi_address: '192.0.2.7' }, /ipmi 192\.0\.2\.7:623/],
  [{ ipmi_address: '192.0.2.7', ipmi_port: '623' }, { ipmi_address: '192.0.2.7', ipmi_username: 'other' }, /same machine/],
  [{ ipmi_address: 'BMC7.example' }, { ipmi_address: 'bmc7.example' }, /same machine/],
  [{ ipmi_address: '[2001:DB8:0::7]' }, { ipmi_address: '2001:db8::7' }, /ipmi 2001:db8::7:623/],
  [{ redfish_address: '2001:db8:0::7' }, { redfish_address: 'https://[2001:DB8::7]:443/redfish/v1' }, /same machine/],
  [{ ipmi_address: '192.0.2.7' }, { ipmi_address: '192.0.2.8' }, null],
  [{ ipmi_address: '192.0.2.7', ipmi_port: 6230 }, { ipmi_address: '192.0.2.7', ipmi_port: 6231 }, null],
  [
    { ipmi_address: '192.0.2.7' },
    { ipmi_address: '192.0.2.7', ipmi_bridging: 'single', ipmi_target_channel: 7, ipmi_target_address: '0x72' },
    null,
  ],
  [{ redfish_address: 'https://192.0.2.7' }, { redfish_address: '192.0.2.7' }, /redfish 192\.0\.2\.7/],
  [
    { redfish_address: '192.0.2.7', redfish_system_id: '/redfish/v1/Systems/1' },
    { redfish_address: '192.0.2.7', redfish_system_id: '2' },
    null,
  ],
  [
    { redfish_address: '192.0.2.7', redfish_system_id: '/redfish/v1/Systems/1' },
    { redfish_address: '192.0.2.7', redfish_system_id: '1' },
    /Systems\/1/,
  ],
  [{ redfish_address: '192.0.2.7', redfish_system_id: '1' }, { redfish_address: '192.0.2.7' }, /same machine/],
  [{ redfish_address: '192.0.2.7' }, { redfish_address: '192.0.2.7', redfish_system_id: '1' }, /same machine/],
  [
    { ...snmp, snmp_address: '192.0.2.9', snmp_outlet: '3' },
    { ...snmp, snmp_address: '192.0.2.9', snmp_outlet: '2,3' },
    /outlet 3/,
  ],
  [{ ...snmp, snmp_address: '192.0.2.9', snmp_outlet: '3' }, { ...snmp, snmp_address: '192.0.2.9', snmp_outlet: '4' }, null],
  [{ iboot_address: '192.0.2.9,1' }, { iboot_address: '192.0.2.9', iboot_relay_id: '1' }, /relay 1/],
  [{ iboot_address: '192.0.2.9,1' }, { iboot_address: '192.0.2.9,2' }, null],
  [{}, {}, null],
];

suite('rejects a second node with the BMC endpoint of another', () => {
  for (const [first, second, clash] of pairs) {
    test(`${JSON.stringify(first)} and ${JSON.stringify(second)}: ${clash ? 'rejected' : 'both accepted'}`, async (t) => {
      const { store, enrol } = await aSite(t);
      await enrol('n1', first);
      if (!clash) return void (await enrol('n2', second));
      await assert.rejects(enrol('n2', second), { code: 'sameMachine', message: clash });
      await assert.rejects(enrol('n2', second), { message: /^Nodes n2 and n1 are the same machine/ });
      assert.equal((await store.nodes.list()).length, 1);
    });
  }

  test('rejects a change to the endpoint of another node, and stores none of it', async (t) => {
    const { store, engine, enrol } = await aSite(t);
    await enrol('n1', { ipmi_address: '192.0.2.7' });
    const other = await enrol('n2', { ipmi_address: '192.0.2.8' });
    const change = { driver_info: { ipmi_address: '192.0.2.7' } };
    await assert.rejects(engine.updateNode(other.uuid, change), { code: 'sameMachine' });
    assert.deepEqual((await store.nodes.find({ name: 'n2' }))?.driver_info, { ipmi_address: '192.0.2.8' });
    await assert.rejects(enrol('n3', { ipmi_address: '192.0.2.8' }), { code: 'sameMachine' });
  });

  test('frees an endpoint when its node changes it or is deleted', async (t) => {
    const { engine, enrol } = await aSite(t);
    const first = await enrol('n1', { ipmi_address: '192.0.2.7' });
    await engine.updateNode(first.uuid, { driver_info: { ipmi_address: '192.0.2.8' } });
    await enrol('n2', { ipmi_address: '192.0.2.7' });
    await engine.deleteNode(first.uuid);
    await enrol('n3', { ipmi_address: '192.0.2.8' });
  });

  test('accepts a child node with the BMC endpoint of its parent', async (t) => {
    const { enrol } = await aSite(t);
    const whole = await enrol('n1', { redfish_address: '192.0.2.7' });
    await enrol('dpu', { redfish_address: '192.0.2.7' }, { parent_node: whole.uuid });
    await assert.rejects(enrol('n2', { redfish_address: '192.0.2.7' }), { code: 'sameMachine' });
  });
});

suite('two nodes whose BMCs report the same machine', () => {
  const uuid = '4c4c4544-0042-3510-8052-b4c04f4d3132';
  const [first, second] = [{ ipmi_address: '192.0.2.7' }, { ipmi_address: 'bmc7.example' }];

  test('verification of the second fails and names the first', async (t) => {
    const { enrol, verify } = await aSite(t, { n1: uuid, n2: uuid });
    await enrol('n1', first);
    await enrol('n2', second);
    assert.equal((await verify('n1'))?.provision_state, 'manageable');
    const refused = await verify('n2');
    assert.equal(refused?.provision_state, 'enroll');
    assert.match(refused?.last_error ?? '', /^Nodes n2 and n1 are the same machine: both BMCs report system UUID 4c4c4544/);
  });

  test('ignores placeholder UUIDs and those marked as not unique', async (t) => {
    const template = '03000200-0400-0500-0006-000700080009';
    const { enrol, verify } = await aSite(t, { n1: template, n2: template, n3: uuid, n4: uuid });
    await enrol('n1', { ipmi_address: '192.0.2.1' });
    await enrol('n2', { ipmi_address: '192.0.2.2' });
    await enrol('n3', { ipmi_address: '192.0.2.3' });
    await enrol('n4', { ipmi_address: '192.0.2.4' }, { properties: { system_uuid_not_unique: 'True' } });
    for (const name of ['n1', 'n2', 'n3', 'n4']) assert.equal((await verify(name))?.provision_state, 'manageable', name);
  });

  test('verification succeeds once the other node is deleted', async (t) => {
    const { engine, enrol, verify } = await aSite(t, { n1: uuid, n2: uuid });
    const node = await enrol('n1', first);
    await enrol('n2', second);
    await verify('n1');
    await verify('n2');
    await engine.deleteNode(node.uuid);
    const own = await verify('n2');
    assert.deepEqual([own?.provision_state, own?.system_uuid], ['manageable', uuid]);
  });
});

test('of two nodes of an earlier version for one machine, disables the idle one and keeps the one with a server', async (t) => {
  const site = await aSite(t);
  const busy = await site.enrol('busy', { ipmi_address: '192.0.2.7' });
  const idle = await site.enrol('idle', { ipmi_address: '192.0.2.8' });
  await site.store.nodes.update({ uuid: busy.uuid }, { instance_uuid: 'a-server' });
  await site.store.nodes.update({ uuid: idle.uuid }, { driver_info: { ipmi_address: '192.0.2.7' } });
  await site.store.node_endpoints.remove({});

  const again = await testCloud({ store: site.store, management: { endpoints } });
  await again.engine.start();
  await again.engine.updateNode(idle.uuid, { extra: { rack: 'r1' } });
  await assert.rejects(again.engine.updateNode(idle.uuid, { maintenance: false }), { code: 'sameMachine' });
  await assert.rejects(again.engine.setMaintenance(idle.uuid, false), { code: 'sameMachine' });
  await again.engine.stop();

  const held = await site.store.nodes.find({ uuid: idle.uuid });
  assert.equal(held?.maintenance, true);
  assert.match(held?.maintenance_reason ?? '', /Nodes idle and busy are the same machine/);
  assert.equal((await site.store.nodes.find({ uuid: busy.uuid }))?.maintenance, false);
});
