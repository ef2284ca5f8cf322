import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskUrlSecrets } from './url-secrets.ts';

test('masks secrets in a query by name, in any spelling', () => {
  assert.equal(maskUrlSecrets('/console?%74oken=abc&a=1'), '/console?%74oken=******&a=1');
  assert.equal(maskUrlSecrets('/console?%ff%74%6Fken=abc'), '/console?%ff%74%6Fken=******');
  assert.equal(
    maskUrlSecrets('https://u:p@host/?x-auth_token=abc&limit=5'),
    'https://u:******@host/?x-auth_token=******&limit=5',
  );
});

test('masks a user without a password in HTTP URLs alone', () => {
  assert.equal(maskUrlSecrets('get https://t0ken@host/x and HTTP://me@h'), 'get https://******@host/x and HTTP://******@h');
  assert.equal(maskUrlSecrets('qemu+ssh://root@host/system'), 'qemu+ssh://root@host/system');
  assert.equal(maskUrlSecrets('https://host/a@b'), 'https://host/a@b');
});

test('a word as long as a request costs no more than its length', () => {
  const word = 'a'.repeat(256 * 1024);
  assert.equal(maskUrlSecrets(`/${word}`), `/${word}`);
  assert.equal(maskUrlSecrets(`${word}://u:p@host/`), `${word}://u:******@host/`);
});

test('masks the secrets of every URL, in a text of any size in linear time', () => {
  assert.equal(maskUrlSecrets('see http://u:p@a/b and FTP+x://:q:r@c'), 'see http://u:******@a/b and FTP+x://:******@c');
  // In quadratic time each takes minutes, which the runner of tests ends.
  for (const piece of ['x', 'x:', '://', 'http://', 'https://a', '://a:', ':', '?a', '&a=', '?', '@', 'a://b:c@'])
    assert.ok(maskUrlSecrets(piece.repeat(500_000)).length > 0, piece);
});
