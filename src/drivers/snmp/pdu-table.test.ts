import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { isInstalled } from '#tools/run-tool.ts';
import { outletOid, type Pdu, placeBelow } from './pdu.ts';
import { findPdus, pduTable } from './pdu-table.ts';

const row = (name: string) => pduTable[name] as Pdu;

test('builds the OID of an outlet, with given and default units', () => {
  const oid = (name: string, ...outlet: number[]) => outletOid({ oid: 'X' }, row(name), outlet);
  assert.equal(oid('apc_rackpdu', 7), 'X.7');
  assert.equal(oid('apc_rackpdu', 1, 7), undefined);
  assert.equal(oid('servertech_sentry3', 7), 'X.1.1.7');
  assert.equal(oid('servertech_sentry3', 2, 7), 'X.1.2.7');
  assert.equal(oid('servertech_sentry3', 3, 2, 7), 'X.3.2.7');
  assert.equal(oid('eatonpower', 7), 'X.0.7');
  assert.equal(oid('aten', 1), 'X.2.0');
  assert.equal(oid('aten', 8), 'X.9.0');
  assert.equal(oid('aten', 9), 'X.11.0');
});

test('handles outlets counted from 0 in the index', () => {
  const oid = (name: string, ...outlet: number[]) => outletOid({ oid: 'X' }, row(name), outlet);
  assert.equal(oid('eaton_revelation', 1), 'X.0');
  assert.equal(oid('dataprobe_ibootpdu', 8), 'X.7');
});

test('reads objects below sysObjectID', () => {
  const { state, on, off } = placeBelow('1.3.6.1.4.1.28507.43', row('gude_epc'));
  for (const { oid } of [state, on, off]) assert.equal(oid, '1.3.6.1.4.1.28507.43.1.3.1.2.1.3');
  assert.equal(placeBelow('1.2.3', row('aten')), row('aten'));
});

test('matches the longest prefix of sysObjectID, then the other rows of its vendor', () => {
  const nameOf = (pdu: Pdu) => Object.keys(pduTable).find((name) => pduTable[name] === pdu);
  const found = (identity: string) => findPdus(`1.3.6.1.4.1.${identity}`).map(nameOf);
  const apc = ['apc_masterswitch', 'apc_masterswitchplus', 'apc_rackpdu', 'apc_rackpdu2'];
  const apcBut = (first: string) => [first, ...apc.filter((name) => name !== first)];
  const expected: Record<string, (string | undefined)[]> = {
    '318.1.3.4.1': apc,
    '318.1.3.4.5': apcBut('apc_rackpdu'),
    '318.1.3.4.6': apcBut('apc_rackpdu2'),
    '318.1.3.4.8': apcBut('apc_rackpdu2'),
    '318': apc,
    '3808': ['cyberpower', 'cyberpower_epdu2'],
    '3808.1.1.6': ['cyberpower_epdu2', 'cyberpower'],
    '534.6.6.6': ['eaton_revelation', 'eaton_nlogic', 'eatonpower'],
    '13742.6': ['raritan_pdu2', 'raritan_pdu'],
    '13742.1': ['raritan_pdu', 'raritan_pdu2'],
    '1718.4': ['servertech_sentry4', 'servertech_sentry3'],
    '21239.42.1.52': ['vertivgeist_pdu'],
    '8072.3.2.10': ['dataprobe_ibootpdu'],
    '850.1.1.1': ['tripplite'],
    '9.1.1': [],
  };
  for (const [identity, names] of Object.entries(expected)) assert.deepEqual(found(identity), names, identity);
});

test('no two rows have the same identity', () => {
  const identities = Object.values(pduTable).flatMap(({ identities }) => identities);
  assert.equal(new Set(identities).size, identities.length);
});

const mibs = process.env['REFEREE_VENDOR_MIBS'] ?? '';
const reason = !existsSync(join(mibs, 'PowerNet-MIB'))
  ? 'REFEREE_VENDOR_MIBS names no folder with the vendors’ MIBs'
  : (await isInstalled('snmptranslate'))
    ? false
    : 'snmptranslate is not installed';

/** The vendors' names for the values of a row. */
const words = {
  on: /^(on|turnOn|powerOn|outletOn|immediateOn|immediateOnMSP)$/,
  off: /^(off|turnOff|powerOff|outletOff|immediateOff|immediateOffMSP)$/,
  cycle: /^(reboot|powerCycle|cycle|cycling|outletReboot|immediateReboot|immediateRebootMSP)$/,
  stateOn:
    /^(on|onLocked|onFixed|onPendingOff|onPendingCycle|outletStatusOn|onWait|onError|onFuse|lockon|outletOn|immediateOn|immediateOnMSP|pendingOff|on2off|rebootOn)$/,
  stateOff:
    /^(off|offLocked|offCycle|offPendingOn|offShutdown|off-pending-on-delay|outletStatusOff|offWait|offError|offFuse|lockoff|outletOff|immediateOff|immediateOffMSP|pendingOn|off2on|rebootOff)$/,
};

suite("agrees with the vendors' MIBs", { skip: reason }, () => {
  for (const [name, pdu] of Object.entries(pduTable)) {
    for (const kind of ['state', 'on', 'off', 'cycle'] as const) {
      const column = pdu[kind];
      const { mib } = column ?? {};
      if (!column || !mib) continue;
      test(`${name}: ${kind}`, async () => {
        const { oid, values } = await lookUp(mib);
        assert.equal(oid, `.${column.oid}`);
        // Commands of Eaton and HPE are numbers of seconds, and WTI has no names.
        if (values.size === 0) return;
        if (!('on' in column)) {
          assert.match(values.get(column.value) ?? '', words[kind as 'on']);
          return;
        }
        for (const value of column.on) assert.match(values.get(value) ?? '', words.stateOn);
        for (const value of column.off) assert.match(values.get(value) ?? '', words.stateOff);
      });
    }
  }
});

async function lookUp(mib: string): Promise<{ oid: string; values: Map<number, string> }> {
  const args = ['-M', mibs, '-m', mib.split('::')[0] ?? '', '-Td', '-On', mib];
  const { stdout } = await promisify(execFile)('snmptranslate', args);
  const names = /SYNTAX\s+INTEGER \{([^}]*)\}/.exec(stdout)?.[1] ?? '';
  const values = [...names.matchAll(/([\w-]+)\((-?\d+)\)/g)].map(([, name = '', value]) => [Number(value), name] as const);
  return { oid: stdout.split('\n')[0] ?? '', values: new Map(values) };
}
