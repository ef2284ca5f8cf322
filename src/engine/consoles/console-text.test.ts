import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consoleTail, withoutKernelSecrets } from './console-text.ts';

test('masks tokens of the kernel command line', () => {
  const line = 'Command line: ro ingot.url=http://172.30.0.1:8088 ingot.token=op.se-cr_et deployment_key=0123 troubleshoot=0\n';
  const shown = withoutKernelSecrets(line.repeat(2));
  assert.equal(
    shown,
    'Command line: ro ingot.url=http://172.30.0.1:8088 ingot.token=*** deployment_key=*** troubleshoot=0\n'.repeat(2),
  );
});

test('keeps the last lines that have text, without terminal escape sequences', () => {
  const text =
    '\x1b[2J\x1b[01;01HSeaBIOS (1.16)\r\n\r\n  \r\n\x1b]0;title\x07Booting\x1b[0;31m from\x1b[m disk\x07\rNo bootable device\x1b(B.\r\n';
  assert.deepEqual(consoleTail(text), ['SeaBIOS (1.16)', 'Booting from disk', 'No bootable device.']);
});

test('limits the number, the length and the total size of lines', () => {
  const many = Array.from({ length: 100 }, (_, index) => `line ${index}`);
  assert.deepEqual(consoleTail(many.join('\n')), many.slice(-20));
  const long = consoleTail(Array.from({ length: 30 }, () => 'x'.repeat(1000)).join('\n'));
  assert.ok(long.length > 5 && long.every((line) => line.length === 200), `${long.length}`);
  assert.ok(long.join('\n').length <= 2000);
  assert.deepEqual([consoleTail(''), consoleTail('\x1b[')], [[], []]);
});
