import { test } from 'node:test';
import { checkGolden } from './check-golden.ts';
import { renderMessages } from './messages.ts';

test('every visible message is as reviewed', () => checkGolden('messages.txt', renderMessages()));
