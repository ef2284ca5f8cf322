import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Caller } from '#services/caller.ts';
import { parseCheck } from './check-language.ts';

const caller: Caller = {
  user_id: 'u1',
  user_name: 'user',
  project_id: 'p1',
  project_name: 'project',
  roles: ['member', 'reader'],
  is_admin: false,
};
const target = {
  project_id: 'p1',
  user_id: 'other',
  'node.owner': 'p1',
  shared: true,
  device_owner: 'network:dhcp',
  visibility: 'public',
  nothing: null,
  tags: ['a'],
};
const rules = (name: string) => {
  if (name !== 'owner') throw new Error(`there is no rule '${name}'`);
  return parseCheck('project_id:%(project_id)s', rules);
};
const decide = (text: string, of: Partial<Caller> = {}) => parseCheck(text, rules)({ ...caller, ...of }, target);

const verdicts: Readonly<Record<string, boolean>> = {
  '': true,
  '@': true,
  '!': false,
  'role:member': true,
  'role:MEMBER': true,
  'role:admin': false,
  'rule:owner': true,
  'project_id:%(project_id)s': true,
  'project_id:%(node.owner)s': true,
  'tenant_id:%(project_id)s': true,
  'user_id:%(user_id)s': false,
  'user_id:u1': true,
  'project_id:%(absent)s': false,
  'system_scope:all': false,
  'is_admin:True': false,
  'is_admin:False': true,
  'True:%(shared)s': true,
  "'public':%(visibility)s": true,
  "'private':%(visibility)s": false,
  'field:networks:shared=True': true,
  'field:port:device_owner=~^network:': true,
  'field:networks:shared=False': false,
  'field:port:device_owner=~work:': false,
  'field:port:device_owner=~none|work:': false,
  'field:port:nothing=None': false,
  'field:port:nothing=~None': false,
  'field:networks:shared=true': true,
  'not field:networks:shared=1': false,
  "'a':%(tags)s": false,
  'role:%(tags)s': false,
  'project_id:None': false,
  'not domain_id:None': false,
  'not system_scope:None': false,
  'not project_id:': true,
  'not role:admin': true,
  'not not role:admin': false,
  'role:admin or role:member and role:reader': true,
  'role:member or role:reader and role:admin': true,
  '(role:member or role:reader) and role:admin': false,
  'not (role:admin or role:member)': false,
  'role:admin OR rule:owner': true,
  '((role:member))': true,
};

for (const [text, expected] of Object.entries(verdicts))
  test(`'${text}' ${expected ? 'allows' : 'denies'}`, () => assert.equal(decide(text), expected));

test('a caller without a project owns nothing, not even resources without a project', () => {
  const check = parseCheck('project_id:%(project_id)s', rules);
  assert.equal(check({ ...caller, project_id: '' }, { project_id: '' }), false);
  assert.equal(check({ ...caller, project_id: '' }, { project_id: null }), false);
});

const errors: Readonly<Record<string, RegExp>> = {
  'role:a or': /it ends where a check is expected/,
  '(role:a': /a '\)' is missing/,
  'role:a)': /'\)' is unexpected/,
  'role:a role:b': /'role:b' is unexpected/,
  admin: /'admin' is no check/,
  'http://localhost/': /no check of the kind 'http'/,
  'rule:nobody_wrote': /there is no rule 'nobody_wrote'/,
  'project_id:x%(project_id)s': /must be one %\(NAME\)s/,
  'field:shared': /must be field:RESOURCE:NAME=VALUE/,
  'field:networks:shared=yes': /'yes' must be True or False/,
  'field:port:device_owner=~work\\Z': /Invalid regular expression/,
  'is_admin:true': /'true' must be True or False/,
  ' ': /it ends where a check is expected/,
  '\t\n': /it ends where a check is expected/,
  '()': /'\)' is no check/,
  "'role:member'": /''role:member'' is no check/,
  "''':'": /''':'' is no check/,
  '"a":"a"': /'"a":"a"' is no check/,
  'role:100%': /must be one %\(NAME\)s/,
  'user_id:%%(user_id)s': /must be one %\(NAME\)s/,
  '007:007': /no check of the kind '007'/,
  '\'a":a': /no check of the kind ''a"'/,
  "'\\x61':\\x61": /no check of the kind/,
};

for (const [text, expected] of Object.entries(errors))
  test(`'${text}' is an error`, () => assert.throws(() => parseCheck(text, rules), expected));

test('splits words at the whitespace of Python, not of JavaScript', () => {
  assert.equal(decide('role:nobody\ufeffor\ufeffrole:member'), false);
  assert.equal(decide('role:member\x1fand\x1frole:nobody'), false);
  assert.equal(decide('role:nobody\x85or\x85role:member'), true);
});

test('neither long nor deeply nested checks exhaust the parser', () => {
  assert.throws(() => parseCheck('not '.repeat(1000), rules), /nested more than 32 deep/);
  assert.throws(() => parseCheck('('.repeat(4000), rules), /nested more than 32 deep/);
  assert.throws(() => parseCheck('role:a or '.repeat(1000), rules), /longer than 4096 characters/);
});
