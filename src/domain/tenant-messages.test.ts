import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault, type FaultCode, type FaultFields, faultTable, redactFault } from './faults.ts';
import { tenantMessages, unknownToTenants } from './tenant-messages.ts';

const codes = Object.keys(faultTable) as FaultCode[];
const fieldsOf = (template: string) => [...template.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);

test('every fault has a tenant message with existing fields', () => {
  assert.deepEqual(Object.keys(tenantMessages).sort(), [...codes].sort());
  for (const code of codes) {
    const words: true | string = tenantMessages[code];
    const known = fieldsOf(faultTable[code].message);
    if (words !== true) for (const name of fieldsOf(words)) assert.ok(known.includes(name), `${code}: ${name}`);
  }
});

test('no tenant message names nodes, BMCs or the site', () => {
  const secret = [
    'node',
    'address',
    'operation',
    'purpose',
    'reasons',
    'driver',
    'file',
    'path',
    'port',
    'tool',
    'seen',
    'cause',
  ];
  // Faults whose addresses the tenant has requested.
  const mayName: Readonly<Partial<Record<FaultCode, string[]>>> = {
    ipAddressInUse: ['address'],
    invalidIpForNetwork: ['address'],
    invalidIpForSubnet: ['address'],
    powerNotReached: ['seen'],
  };
  for (const code of codes) {
    const { message, hint = '' } = faultTable[code] as { message: string; hint?: string };
    const words: true | string = tenantMessages[code];
    const read = fieldsOf(words === true ? message + hint : words).filter((name) => !mayName[code]?.includes(name));
    assert.deepEqual(
      read.filter((name) => secret.includes(name)),
      [],
      code,
    );
  }
});

test('redacts a stored fault like a thrown one, and one of another version by its code', () => {
  const fields: FaultFields = { step: 'Write the image', seconds: 9, waited: 'w', seen: 'DHCP of 10.0.0.7', cause: 'c' };
  const fault = new Fault('stepTimeout', fields);
  const { tenant_message, ...former } = fault.toRecord('Write the image');

  assert.equal(tenant_message, "'Write the image' timed out after 9 s; contact the operator.");
  assert.equal(redactFault(fault.toRecord()).message, tenant_message);
  assert.deepEqual(redactFault(former), { message: unknownToTenants });
  assert.deepEqual(redactFault({ code: 'ofTomorrow' as FaultCode, message: 'node n1' }), { message: unknownToTenants });
  assert.deepEqual(redactFault(new Fault('notFound', { what: 'Node', id: 'n1' })), { message: unknownToTenants });
  assert.match(redactFault(new Fault('notFound', { what: 'Image', id: 'i1' })).message, /i1/);
});
