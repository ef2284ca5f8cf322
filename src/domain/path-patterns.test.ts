import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patternMatcher } from './path-patterns.ts';

const matchesPattern = (path: string, pattern: string) => patternMatcher(path)(pattern);

/** As keystonemiddleware matches them. */
const table: readonly (readonly [path: string, pattern: string, matches: boolean])[] = [
  ['/v2/servers', '/v2/servers', true],
  ['/v2/servers/123', '/v2/servers/{server_id}', true],
  ['/v2/servers/123/', '/v2/servers/*/', true],
  ['/v2/servers/123/456', '/v2/servers/**', true],
  ['/v2/servers/', '/v2/servers/**', true],
  ['/v2/servers/123/volume/456', '**', true],
  ['/v2/servers/123/456', '/v2/*/*/*', true],
  ['/v2/123/servers/466', '/v2/{project_id}/servers/{server_id}', true],
  ['/v2/servers/name.conf', '/v2/servers/{id}.conf', true],
  ['/v2/servers/someuuid', '/v2/servers', false],
  ['/v2/servers//', '/v2/servers/{server_id}', false],
  ['/v2/servers/123/', '/v2/servers/{server_id}', false],
  ['/v2/servers/123/456', '/v2/servers/*', false],
  ['/v2/servers/123/456/789', '/v2/*/*/*', false],
  ['/v2/servers/', '/v2/servers/{server_id}', false],
  ['/v2x1/servers', '/v2.1/servers', false],
  ['/v2/ab/cd', '/v2/*b/{x}d', true],
  ['/v2/ab', '/v2/*b*', false],
  ['/v2/ab/cd', '/v2/*b*d', false],
  ['/v2/aaa', '/v2/a{x}{y}', true],
  ['/v2/{id', '/v2/{id', true],
  ['/v2/***', '/v2/***', true],
  ['/v2', '**/***', true],
  ['', '**', true],
];

test('wildcards match as in keystonemiddleware, and other characters themselves', () => {
  for (const [path, pattern, matches] of table) assert.equal(matchesPattern(path, pattern), matches, `${path} by ${pattern}`);
});

test('a path that is too long matches nothing', () => {
  assert.equal(matchesPattern(`/${'a'.repeat(1023)}`, '/**'), true);
  assert.equal(matchesPattern(`/${'a'.repeat(1024)}`, '/**'), false);
});

test('a pattern of many wildcards takes no longer than another', () => {
  const matches = patternMatcher(`/${'a'.repeat(1000)}/`);
  for (const part of ['**', '**a', '*', '*a', '{}', '*{id}a**'])
    for (let count = 0; count < 20; count++) assert.equal(matches(`/${part.repeat(224 / part.length)}b`), false, part);
});
