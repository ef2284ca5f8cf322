import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { IpmiError } from '#wire/ipmi/ipmi-error.ts';
import { toFault } from './ask-bmc.ts';

const context = { peer: { address: '192.0.2.1', port: 623 }, command: 'Get Chassis Status', detail: 'completion code' };

test('a BMC that is starting is not ready, one that refuses a command is an error', () => {
  for (const [completion, code] of [
    [0xc0, 'bmcNotReady'],
    [0xc3, 'bmcNotReady'],
    [0xd2, 'bmcNotReady'],
    [0xff, 'bmcNotReady'],
    [0xc1, 'bmcError'],
    [0xcc, 'bmcError'],
    [0xd4, 'bmcError'],
    [0xd5, 'bmcError'],
  ] as const) {
    const fault = toFault(new IpmiError('completion', { ...context, completion }));
    assert.ok(fault instanceof Fault);
    assert.equal(fault.code, code, completion.toString(16));
  }
});
