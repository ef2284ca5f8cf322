import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnsAssignments, dnsNameOfHost, dnsNameProblem } from './dns-names.ts';

test('names of hosts are names in DNS', () => {
  for (const name of ['a', '0', 'web-1', 'web.example.org', 'web.example.org.', `${'a'.repeat(63)}.b`, '10'])
    assert.equal(dnsNameProblem(name), undefined, name);
});

test('what is no name of a host is none', () => {
  for (const [name, problem] of [
    ['.', /empty component/],
    ['a..b', /empty component/],
    ['-a', /hyphen/],
    ['a-.b', /hyphen/],
    ['a'.repeat(64), /1-63 characters/],
    ['web\n', /1-63 characters/],
    ['web,option:6', /1-63 characters/],
    ['web name', /1-63 characters/],
    ['<project_id>', /1-63 characters/],
    ['wéb', /1-63 characters/],
    ['Web', /1-63 characters/],
    ['10.0.0.1', /all numeric/],
    [Array.from({ length: 129 }, () => 'a').join('.'), /255 character/],
  ] as const)
    assert.match(dnsNameProblem(name) ?? '', problem, name);
});

test('a host whose name is none in DNS has no name there', () => {
  assert.deepEqual(['Web-1', 'web_1', 'web\n', 'web.elsewhere.'].map(dnsNameOfHost), ['web-1', '', '', '']);
});

test('addresses are named by the port, or by themselves', () => {
  const addresses = [{ ip_address: '10.0.0.5' }, { ip_address: 'fd00::5' }];
  assert.deepEqual(
    ['', 'web', 'web.openstacklocal.'].map((name) =>
      dnsAssignments(name, addresses).map(({ hostname, fqdn }) => `${hostname} ${fqdn}`),
    ),
    [
      ['host-10-0-0-5 host-10-0-0-5.openstacklocal.', 'host-fd00--5 host-fd00--5.openstacklocal.'],
      ['web web.openstacklocal.', 'web web.openstacklocal.'],
      ['web.openstacklocal. web.openstacklocal.', 'web.openstacklocal. web.openstacklocal.'],
    ],
  );
});
