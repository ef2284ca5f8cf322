import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions } from './options.ts';

test('an option that does not exist is named, and no more is said than where all are listed', () => {
  assert.throws(() => parseOptions(['--api.lissten', 'x'], { valueNames: ['api.listen'] }), {
    message: "unknown option '--api.lissten'; --help lists all",
  });
  assert.throws(() => parseOptions(['--state'], { valueNames: ['state'] }), /--state <value>' argument missing/);
});
