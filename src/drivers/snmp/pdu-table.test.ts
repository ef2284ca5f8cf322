import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { isInstalled } from '#tools/run-tool.ts';
import { findPdu, outletOid, type Pdu, pduTable } from './pdu-table.ts';

const row = (name: string) => pduTable[name] as Pdu;

test('an outlet’s object, with the units that are given and those that are not', () => {
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

test('the longest beginning of sysObjectID decides', () => {
  const found = (identity: string) => Object.keys(pduTable).find((name) => pduTable[name] === findPdu(`1.3.6.1.4.1.${identity}`));
  const expected = {
    '318.1.3.4.1': 'apc_masterswitch',
    '318.1.3.4.5': 'apc_rackpdu',
    '318.1.3.4.6': 'apc_rackpdu2',
    '3808': 'cyberpower',
    '3808.1.1.6': 'cyberpower_epdu2',
    '534.6.6.7': 'eatonpower',
    '13742.6': 'raritan_pdu2',
    '13742.1': 'raritan_pdu',
    '1718.4': 'servertech_sentry4',
    '1718.40': undefined,
    '318.1.3.2.10': undefined,
  };
  for (const [identity, name] of Object.entries(expected)) assert.equal(found(identity), name, identity);
});

test('no two rows claim one identity', () => {
  const identities = Object.values(pduTable).flatMap(({ identities }) => identities);
  assert.equal(new Set(identities).size, identities.length);
});

const mibs = process.env['REFEREE_VENDOR_MIBS'] ?? '';
const reason = !existsSync(join(mibs, 'PowerNet-MIB'))
  ? 'REFEREE_VENDOR_MIBS names no folder with the vendors’ MIBs'
  : (await isInstalled('snmptranslate'))
    ? false
    : 'snmptranslate is not installed';

/** Names that the vendors give to what a row does. */
const words = {
  on: /^(on|outletOn|immediateOn|immediateOnMSP)$/,
  off: /^(off|outletOff|immediateOff|immediateOffMSP)$/,
  cycle: /^(reboot|cycle|cycling|outletReboot|immediateReboot|immediateRebootMSP)$/,
  stateOn: /^(on|onWait|onError|onFuse|lockon|outletOn|immediateOn|immediateOnMSP|pendingOff|on2off|rebootOn)$/,
  stateOff: /^(off|offWait|offError|offFuse|lockoff|outletOff|immediateOff|immediateOffMSP|pendingOn|off2on|rebootOff)$/,
};

suite('the vendors’ MIBs say the same', { skip: reason }, () => {
  for (const [name, pdu] of Object.entries(pduTable)) {
    for (const kind of ['state', 'on', 'off', 'cycle'] as const) {
      const column = pdu[kind];
      const { mib } = column ?? {};
      if (!column || !mib) continue;
      test(`${name}: ${kind}`, async () => {
        const { oid, values } = await lookUp(mib);
        assert.equal(oid, `.${column.oid}`);
        if (!('on' in column)) {
          // An Eaton command is a number of seconds, and not one of some names.
          if (values.size > 0) assert.match(values.get(column.value) ?? '', words[kind as 'on']);
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
