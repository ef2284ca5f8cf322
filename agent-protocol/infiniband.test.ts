import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ethernetForm, guidOf, isInfiniband, mellanoxClientId } from './infiniband.ts';

/** The example from Ironic's own agent (`hardware_managers/mlnx.py`). */
const address = 'a0:00:00:27:fe:80:00:00:00:00:00:00:7c:fe:90:03:00:29:26:52';

test('derives the Ethernet form of an InfiniBand address as Ironic and cloud-init do', () => {
  assert.equal(ethernetForm(address), '7c:fe:90:29:26:52');
  assert.equal(ethernetForm('7c:fe:90:03:00:29:26:52'), '7c:fe:90:29:26:52');
  assert.equal(ethernetForm('A0-00-00-27-FE-80-00-00-00-00-00-00-7C-FE-90-03-00-29-26-52'), '7c:fe:90:29:26:52');
  assert.equal(mellanoxClientId(address), 'ff:00:00:00:00:00:02:00:00:02:c9:00:7c:fe:90:03:00:29:26:52');
  assert.equal(ethernetForm(mellanoxClientId(address)), '7c:fe:90:29:26:52');
  assert.equal(isInfiniband(address), true);
});

test('reads the GUID of a port from its client id', () => {
  for (const clientId of [mellanoxClientId(address), '20:7C:FE:90:03:00:29:26:52'])
    assert.equal(guidOf(clientId, '7c:fe:90:29:26:52'), '7c:fe:90:03:00:29:26:52');
  for (const clientId of ['ff:00:07', '01:7c:fe:90:29:26:52', mellanoxClientId(address).replace(/52$/, '53')])
    assert.equal(guidOf(clientId, '7c:fe:90:29:26:52'), undefined);
});

test('leaves other addresses unchanged', () => {
  for (const text of ['52:54:00:00:00:01', '', 'eth0', `${address}:00`, address.slice(0, -1), address.replace('a0', 'g0')]) {
    assert.equal(ethernetForm(text), text);
    assert.equal(isInfiniband(text), false);
  }
});
