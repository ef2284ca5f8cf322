import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions } from './options.ts';

test('names an unknown option, and refers to --help', () => {
  assert.throws(() => parseOptions(['--api.lissten', 'x'], { valueNames: ['api.listen'] }), {
    message: "unknown option '--api.lissten'; --help lists all",
  });
  assert.throws(() => parseOptions(['--state'], { valueNames: ['state'] }), /--state <value>' argument missing/);
});
