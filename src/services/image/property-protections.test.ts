import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { parseProtections } from './property-protections.ts';

const invalid = (line: number, detail: string) => new Fault('badRequest', { detail: `${line}: ${detail}` });
const parse = (text: string) => parseProtections(text, invalid);
const all = (roles: string) => ['create', 'read', 'update', 'delete'].map((action) => `${action} = ${roles}`).join('\n');
const owner = { roles: ['Member'] };

test('the first pattern found in a name decides, and no pattern denies', () => {
  const protections = parse(`# who
[^x_none_.*]
${all('!')}
[x_.*]
create = admin,
  member
read: @
update =
delete = admin
`);

  const allowed = (name: string) =>
    (['create', 'read', 'update', 'delete'] as const).filter((action) => protections.allows(owner, action, name));

  assert.deepEqual(allowed('x_none_a'), []);
  assert.deepEqual(allowed('my_x_a'), ['create', 'read']);
  assert.deepEqual(allowed('other'), []);
  assert.equal(protections.allows({ roles: ['admin'] }, 'delete', 'x_a'), true);
});

test('without rules everything is allowed', () => {
  assert.equal(parse('').allows(owner, 'delete', 'a'), true);
});

test('a file that Glance would refuse is refused with its line', () => {
  for (const [text, expected] of [
    ['[a]\nread = @\n', /1: \[a\] must say who may create/],
    [`\n[a]\n${all('@,!')}`, /2: \[a\] create: @ and ! exclude each other/],
    [`[(a]\n${all('@')}`, /1: \[\(a\] is no regular expression/],
    [`[a]\n${all('@')}\n[a]`, /6: there is another section \[a\]/],
    ['create = @', /1: it must be/],
  ] as const)
    assert.throws(() => parse(text), expected, text);
});
