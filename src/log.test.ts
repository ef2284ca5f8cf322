import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from './log.ts';

test('a line of the log is JSON without a character that a terminal obeys, whatever was logged', () => {
  const lines: string[] = [];
  const log = createLog({ 'log.level': 'info' }, (line) => void lines.push(line));
  const url = '/\u009b31m\u007f\u202e\u2028\u001b[2J ü';

  log.info({ url }, url);

  assert.equal(lines.length, 1);
  assert.doesNotMatch(lines[0]?.trimEnd() ?? '', /[\p{Cc}\u2028\u2029\u202a-\u202e]/u);
  assert.deepEqual([JSON.parse(lines[0] ?? '').url, JSON.parse(lines[0] ?? '').msg], [url, url]);
});
