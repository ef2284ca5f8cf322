import { test } from 'node:test';
import { checkGolden } from './check-golden.ts';
import { renderMessages } from './messages.ts';

test('every message that may reach a person is as it was reviewed', () => checkGolden('messages.txt', renderMessages()));
