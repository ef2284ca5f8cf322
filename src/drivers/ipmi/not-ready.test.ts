import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { IpmiError } from '#wire/ipmi/ipmi-error.ts';
import { toFault } from './ask-bmc.ts';

const context = { peer: { address: '192.0.2.1', port: 623 }, command: 'Get Chassis Status', detail: 'completion code' };

test('a starting BMC is not ready, and one that rejects a command is an error', () => {
  for (const [completion, code] of [
    [0xc0, 'bmcNotReady'],
    [0xc3, 'bmcNotReady'],
    [0xd2, 'bmcNotReady'],
    [0xff, 'bmcNotReady'],
    [0xc1, 'bmcUnsupported'],
    [0xc2, 'bmcUnsupported'],
    [0xcc, 'bmcError'],
    [0xd4, 'bmcInsufficientPrivilege'],
    [0xd5, 'bmcError'],
  ] as const) {
    const fault = toFault(new IpmiError('completion', { ...context, completion }));
    assert.ok(fault instanceof Fault);
    assert.equal(fault.code, code, completion.toString(16));
  }
});

test('each kind of BMC failure has its own fault with a matching hint', () => {
  const hints = new Map<string, string>();
  for (const [failure, code, hint] of [
    ['silent', 'bmcUnreachable', /network cable/],
    ['refused', 'bmcRefused', /Correct the credentials/],
    ['privilege', 'bmcInsufficientPrivilege', /a higher role/],
    ['completion', 'bmcError', /rejected the command/],
    ['unsupported', 'bmcUnsupported', /does not offer this/],
    ['unfit', 'bmcMalformedReply', /deviates from its protocol/],
    ['disconnected', 'bmcConnectionClosed', /another client uses it/],
    ['limit', 'limitReached', /raise the setting ipmi\.sessions/],
  ] as const) {
    const fault = toFault(new IpmiError(failure, context));
    assert.ok(fault instanceof Fault);
    assert.equal(fault.code, code);
    assert.match(fault.hint ?? '', hint);
    assert.doesNotMatch(`${fault.message} ${fault.hint}`, /\?/);
    hints.set(fault.hint ?? '', code);
  }
  assert.equal(hints.size, 8);
});

test('a closed client reports the stop of Ingot or changed credentials', () => {
  const closed = new IpmiError('closed', context);

  assert.equal((toFault(closed, { isClosed: true }) as Fault).code, 'interrupted');
  assert.equal((toFault(closed, { isClosed: false }) as Fault).code, 'driverInfoChanged');
});
