import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { simUser, startSnmpsim } from '#test/a-snmpsim.ts';
import { aNode } from '#test/a-task.ts';
import { isInstalled } from '#tools/run-tool.ts';
import { createSnmpDriver } from './index.ts';

const reason = (await isInstalled('snmpsimd')) ? false : 'snmpsimd is not installed';

/** Fields are OID, type (2 = INTEGER, 6 = OID) with the module that stores writes, and the value. */
const record = `1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.13742.4
1.3.6.1.4.1.13742.4.1.2.2.1.3.1|2:writecache|value=0
1.3.6.1.4.1.13742.4.1.2.2.1.3.2|2:writecache|value=1
`;

test('switches another agent (snmpsim on pysnmp) with all three versions', { skip: reason }, async (t) => {
  const port = await startSnmpsim(t, { pdu: record });
  const { power, close } = createSnmpDriver();
  t.after(close);
  const versions: JsonObject[] = [
    { snmp_version: '1', snmp_community: 'pdu' },
    { snmp_version: '2c', snmp_community: 'pdu' },
    { snmp_version: '3', ...simUser },
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

test('requires the family of a PDU that does not report it', { skip: reason }, async (t) => {
  const port = await startSnmpsim(t, { pdu: record.split('\n').slice(1).join('\n') });
  const { power, close } = createSnmpDriver();
  t.after(close);
  const stateBy = (snmp_driver: string) => {
    const info = {
      snmp_driver,
      snmp_address: '127.0.0.1',
      snmp_port: port,
      snmp_outlet: 2,
      snmp_version: '2c',
      snmp_community: 'pdu',
    };
    return power.getPower({ ...aNode({ driver_info: info }), ports: [] });
  };
  for (const family of ['auto', 'gude_epc'])
    await assert.rejects(stateBy(family), { code: 'bmcMalformedReply', message: /no sysObjectID/ });
  assert.equal(await stateBy('raritan_pdu'), 'power on');
});
