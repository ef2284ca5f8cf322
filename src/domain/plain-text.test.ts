import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from './faults.ts';
import { plainJson, plainText } from './plain-text.ts';

test('what moves a cursor, paints or turns the writing is taken out; lines and letters stay', () => {
  assert.equal(plainText('a\u001b[2Jb\u009b31mc\u202ed\r\n\te\u0000ü'), 'a [2Jb 31mc d \n\te ü');
  assert.deepEqual(plainJson({ 'n\u0007': ['x\u001b', { y: 1, z: null }], t: true }), {
    'n ': ['x ', { y: 1, z: null }],
    t: true,
  });
  assert.deepEqual(Object.keys(plainJson(JSON.parse('{"__proto__": {"a": 1}}'))), ['__proto__']);
});

test('a fault does not pass on what a BMC paints', () => {
  const { message } = new Fault('bmcError', { address: 'bmc', command: 'GET /', detail: '500 \u001b]0;owned\u0007' });
  assert.doesNotMatch(message, /\p{Cc}/u);
});
