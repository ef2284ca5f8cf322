import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostNameOf } from './host-names.ts';

const id = '11111111-2222-4333-8444-555555555555';
const cases: [name: string, hostname: string][] = [
  ['Web One', 'web-one'],
  ['web_1.example.org', 'web-1-example-org'],
  ['-.web.-', 'web'],
  ['a (b) c!', 'a-b-c'],
  ['サーバー', `Server-${id}`],
  ['!!!', `Server-${id}`],
  ['サーバー7', '7'],
  [`${'x'.repeat(62)}-y`, 'x'.repeat(62)],
  ['x'.repeat(100), 'x'.repeat(63)],
  [`${'サ'.repeat(70)}web`, 'web'],
];
for (const [name, hostname] of cases) {
  test(`derives host name ${hostname} from server name ${JSON.stringify(name)}`, () => {
    assert.equal(hostNameOf({ id, name }), hostname);
  });
}

test('numbers the servers of one request within the length limit of host names', () => {
  assert.equal(hostNameOf({ id, name: 'Web One' }, 1), 'web-one-2');
  assert.equal(hostNameOf({ id, name: 'x'.repeat(100) }, 999), `${'x'.repeat(58)}-1000`);
  assert.equal(hostNameOf({ id, name: 'サーバー' }, 1), `Server-${id}`);
});
