import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { readSettings } from '#settings.ts';
import { fetchRulesOf } from './fetch-rules.ts';

const rulesWith = (flags: Record<string, string>) => fetchRulesOf(readSettings({ flags: { state_dir: '/state', ...flags } }));

test("Ingot's ports and folders are refused, whatever the settings allow", () => {
  const { http, files } = rulesWith({ 'images.fetch_addresses': '127.0.0.0/8', 'api.listen': '0.0.0.0:6385' });

  assert.deepEqual(files, { folders: ['/var/lib/ironic'], refused: ['/state'] });
  assert.equal(http.addresses.whyForbidden('127.0.0.1', 6385), 'a port of Ingot');
  assert.equal(http.addresses.whyForbidden('127.0.0.1', 8088), 'a port of Ingot');
  assert.equal(http.addresses.whyForbidden('127.0.0.1', 8080), undefined);
  assert.equal(http.addresses.whyForbidden('10.1.2.3', 6385), undefined);
});

test('a file of authorities that cannot be used stops the start', () => {
  for (const file of ['/nonexistent', '/etc/hostname'])
    assert.throws(
      () => rulesWith({ 'images.fetch_ca_file': file }),
      (error) => error instanceof Fault && error.message.includes(file),
    );
});

test('settings of downloads are checked', () => {
  const odd = {
    'images.fetch_urls': 'ftp://images',
    'images.fetch_addresses': '10.0.0.0/33',
    'images.file_paths': '/var/lib/../..',
  };
  for (const [name, value] of Object.entries(odd)) assert.throws(() => rulesWith({ [name]: value }), new RegExp(name));
});
