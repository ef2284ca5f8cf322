import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesPattern } from './path-patterns.ts';

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
];

test('wildcards match as in keystonemiddleware, and other characters themselves', () => {
  for (const [path, pattern, matches] of table) assert.equal(matchesPattern(path, pattern), matches, `${path} by ${pattern}`);
});

test('a path that is too long matches nothing', () => {
  assert.equal(matchesPattern(`/${'a'.repeat(1023)}`, '/**'), true);
  assert.equal(matchesPattern(`/${'a'.repeat(1024)}`, '/**'), false);
});
