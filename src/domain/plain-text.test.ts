import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from './faults.ts';
import { hasControls, plainJson, plainLine, plainText } from './plain-text.ts';

test('removes terminal control and direction marks, and keeps lines and letters', () => {
  assert.equal(plainText('a\u001b[2Jb\u009b31mc\u202ed\r\n\te\u0000ü'), 'a [2Jb 31mc d \n\te ü');
  assert.deepEqual(plainJson({ 'n\u0007': ['x\u001b', { y: 1, z: null }], t: true }), {
    'n ': ['x ', { y: 1, z: null }],
    t: true,
  });
  assert.deepEqual(Object.keys(plainJson(JSON.parse('{"__proto__": {"a": 1}}'))), ['__proto__']);
});

test('a fault contains no escape sequences of a BMC', () => {
  const { message } = new Fault('bmcError', { address: 'bmc', command: 'GET /', detail: '500 \u001b]0;owned\u0007' });
  assert.doesNotMatch(message, /\p{Cc}/u);
});

test('detects direction marks anywhere, but not joining letters', () => {
  for (const mark of ['\u061c', '\u200e', '\u200f', '\u202e', '\u2066']) {
    assert.ok(hasControls(`a${mark}b`));
    assert.equal(plainText(`a${mark}b`), 'a b');
  }
  assert.ok(!hasControls('a\u200db\r\n\t'));
  assert.equal(plainLine('a\n\tb\u2028c'), 'a b c');
});
