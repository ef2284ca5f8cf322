import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { suite, test } from 'node:test';
import { type DiskFacts, mismatch, parseRootDevice } from './root-device.ts';

const disk: DiskFacts = {
  name: '/dev/sda',
  model: 'ACME Rotor 9',
  vendor: 'ATA',
  serial: 'S-1',
  wwn: '0x5000c500a0b1c2d3',
  hctl: '0:0:0:0',
  by_path: '/dev/disk/by-path/pci-0000:00:1f.2-ata-1',
  size: 500,
  rotational: true,
};
const fits = (hints: Record<string, unknown>, facts: DiskFacts = disk) => mismatch(facts, parseRootDevice(hints)) === undefined;

suite('parses hints as Ironic does', () => {
  const rows: readonly (readonly [Record<string, unknown>, boolean])[] = [
    [{}, true],
    [{ size: 500 }, true],
    [{ size: 499 }, false],
    [{ size: 501 }, false],
    [{ size: '500' }, true],
    [{ size: '>= 400' }, true],
    [{ size: '= 400' }, true],
    [{ size: '<400' }, false],
    [{ size: '!= 500' }, false],
    [{ size: '<or> 100 <or> 500' }, true],
    [{ size: '<range-in> [ 100 500 ]' }, true],
    [{ size: '<range-in> [ 500 500.5 )' }, true],
    [{ size: '<range-in>[ 100 500 )' }, false],
    [{ size: '<range-in> ( 500 600 ]' }, false],
    [{ name: '/dev/sda' }, true],
    [{ serial: 's-1' }, true],
    [{ serial: 's== S-1' }, true],
    [{ serial: 's!= S-1' }, false],
    [{ model: '<in> rotor' }, true],
    [{ model: '<in> ACME Rotor' }, true],
    [{ model: '<or> foo <or> acme rotor 9' }, true],
    [{ model: 's> ACME' }, true],
    [{ model: 'ACME Rotor=9' }, false],
    [{ wwn: '0x5000C500A0B1C2D3' }, true],
    [{ hctl: '0:0:0:0' }, true],
    [{ hctl: '1:0:0:0' }, false],
    [{ by_path: '/dev/disk/by-path/pci-0000:00:1f.2-ata-1' }, true],
    [{ rotational: true }, true],
    [{ rotational: 'True' }, true],
    [{ rotational: 'no' }, false],
    [{ rotational: 1 }, true],
    [{ vendor: 'ata', size: 500, rotational: 'yes' }, true],
    [{ vendor: 'ata', size: 501 }, false],
  ];
  for (const [hints, expected] of rows) test(JSON.stringify(hints), () => assert.equal(fits(hints), expected));

  test('a disk without the attribute of a hint does not match', () => {
    assert.equal(fits({ wwn: 's!= x' }, { name: '/dev/vda' }), false);
    assert.match(mismatch({ wwn: '' }, parseRootDevice({ wwn: 's!= x' })) ?? '', /has no wwn, wanted 's!= x'/);
  });

  test('accepts a fractional size', () => {
    assert.equal(fits({ size: 447 }, { size: 447.13 }), true);
    assert.equal(fits({ size: '> 447' }, { size: 447.13 }), true);
    assert.equal(fits({ size: 448 }, { size: 447.13 }), false);
  });
});

suite('rejects invalid hints', () => {
  const rows: readonly (readonly [unknown, RegExp])[] = [
    ['{"wwn": "0x1"}', /must be an object/],
    ['/dev/sda', /must be an object/],
    [['/dev/sda'], /must be an object/],
    [true, /must be an object/],
    [{ colour: 'red' }, /'colour' is not known \(known: name, model,/],
    [{ toString: 'x' }, /'toString' is not known/],
    [{ serial: 5 }, /'serial' must be text/],
    [{ serial: '' }, /'serial' is empty/],
    [{ serial: null }, /'serial' must be text/],
    [{ size: 0 }, /positive integer/],
    [{ size: -5 }, /positive integer/],
    [{ size: 1.5 }, /positive integer/],
    [{ size: '8GB' }, /positive integer, not '8gb'/],
    [{ size: null }, /must be a single value/],
    [{ size: [500] }, /must be a single value/],
    [{ size: '<range-in> 100 500' }, /must be like '<range-in> \[ 100 500 \]'/],
    [{ size: '<range-in> [ 100 ]' }, /must be like/],
    [{ size: '<range-in> [ 500 100 ]' }, /begins with 500, beyond its end at 100/],
    [{ size: '<or> <range-in> [ 1 2 ]' }, /<or> without a plain value/],
    [{ model: '<range-in> [ 1 2 ]' }, /takes no operator '<range-in>'/],
    [{ size: 's== 5' }, /takes no operator 's=='/],
    [{ size: '>=' }, /nothing behind '>='/],
    [{ model: '>= 5' }, /takes no operator '>='/],
    [{ model: '<all-in> a b' }, /takes no operator '<all-in>'/],
    [{ model: '<or>' }, /<or> without a plain value/],
    [{ model: '<or> a <or>' }, /<or> without a plain value/],
    [{ model: 's== s== a' }, /two operators/],
    [{ model: 'ACME s>= b' }, /one behind its value/],
    [{ model: 's< ACME == b' }, /one behind its value/],
    [{ model: '<or> a <in> b <or> c' }, /<or> without a plain value/],
    [{ rotational: 'maybe' }, /must be a Boolean/],
    [{ serial: 'x'.repeat(2000) }, /more than 1024/],
  ];
  for (const [value, message] of rows) {
    test(JSON.stringify(value).slice(0, 60), () => assert.throws(() => parseRootDevice(value), { name: 'TypeError', message }));
  }
});

const python = '/usr/bin/python3';
const withoutOslo = spawnSync(python, ['-c', 'import oslo_utils']).status === 0 ? false : 'there is no oslo.utils';

test('operators behave as in oslo.utils', { skip: withoutOslo }, () => {
  const actuals = { model: ['acme', 'acmes', 'b', 'rotor'], size: ['100', '500', '501'] };
  const expressions = {
    model: ['s== acme', 's!= acme', 's< acme', 's<= acme', 's> acme', 's>= acme', '<in> acm', '<or> b <or> acme'],
    size: ['== 500', '!= 500', '= 500', '>= 500', '<= 500', '> 500', '< 500'],
  };
  const cases = (['model', 'size'] as const).flatMap((name) =>
    expressions[name].flatMap((expression) => actuals[name].map((actual) => ({ name, expression, actual }))),
  );
  const program =
    'import json,sys\nfrom oslo_utils import specs_matcher as s\nprint(json.dumps([s.match(c["actual"], c["expression"]) for c in json.load(sys.stdin)]))';
  const theirs = JSON.parse(execFileSync(python, ['-c', program], { input: JSON.stringify(cases), encoding: 'utf8' }));

  const ours = cases.map(({ name, expression, actual }) =>
    fits({ [name]: expression }, { [name]: name === 'size' ? Number(actual) : actual }),
  );

  assert.equal(cases.length, 53);
  assert.deepEqual(ours, theirs);
});
