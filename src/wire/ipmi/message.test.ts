import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Malformed } from '../bytes/malformed.ts';
import { commandTable, findCommand } from './commands.ts';
import { describeCompletion } from './completion-codes.ts';
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from './message.ts';

// As ipmitool sends it: Get Channel Authentication Capabilities.
const request = Buffer.from('2018c88100388e04b5', 'hex');

suite('IPMI messages', () => {
  test('decodes and encodes a request', () => {
    const fields = decodeRequest(request);
    assert.deepEqual(fields, { netFn: 6, command: 0x38, sequence: 0, data: Buffer.of(0x8e, 0x04) });
    assert.deepEqual(encodeRequest(fields), request);
  });

  test('decodes and encodes a response', () => {
    const fields = { netFn: 6, command: 1, sequence: 63, completion: 0xc1, data: Buffer.of(1, 2) };
    assert.deepEqual(decodeResponse(encodeResponse(fields)), fields);
  });

  test('detects every altered or missing byte', () => {
    for (let at = 0; at < request.length; at += 1) {
      const changed = Buffer.from(request);
      changed[at] = (changed[at] as number) ^ 0x10;
      assert.throws(() => decodeRequest(changed), Malformed);
      assert.throws(() => decodeRequest(request.subarray(0, at)), Malformed);
    }
  });

  test('rejects a request as a response', () => {
    assert.throws(() => decodeResponse(request), Malformed);
    const response = encodeResponse({ netFn: 6, command: 1, sequence: 1, completion: 0, data: Buffer.alloc(0) });
    assert.throws(() => decodeRequest(response), Malformed);
  });
});

suite('the command table', () => {
  test('lists each command once', () => {
    for (const row of commandTable) assert.equal(findCommand(row.netFn, row.command), row, row.name);
  });

  test('completion codes have descriptions, those of a command first', () => {
    assert.equal(describeCompletion(0xd4), 'completion code D4h (insufficient privilege level)');
    assert.equal(describeCompletion(0x80, { 128: 'parameter not supported' }), 'completion code 80h (parameter not supported)');
    assert.equal(describeCompletion(0x85), 'completion code 85h (specific to the command)');
    assert.equal(describeCompletion(0x02), 'completion code 02h (vendor specific or unknown)');
  });
});
