import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fingerprintOf, generateSshKey } from './ssh-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-ssh-key-'));
after(() => rmSync(folder, { recursive: true }));
const hasSshKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;
const options = hasSshKeygen ? {} : { skip: 'ssh-keygen is not installed' };

test('ssh-keygen reads a generated private key and finds the public key in it', options, () => {
  const { publicKey, privateKey } = generateSshKey('me@here');
  const file = join(folder, 'generated');
  writeFileSync(file, privateKey, { mode: 0o600 });

  const seen = spawnSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' });

  assert.equal(seen.stderr, '');
  assert.equal(seen.stdout.trim(), publicKey);
});

for (const type of ['rsa', 'ed25519', 'ecdsa']) {
  test(`computes the fingerprint of an ${type} key as ssh-keygen does`, options, () => {
    const file = join(folder, type);
    assert.equal(spawnSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', file]).status, 0);

    const expected = spawnSync('ssh-keygen', ['-l', '-E', 'md5', '-f', `${file}.pub`], { encoding: 'utf8' }).stdout;

    assert.equal(`MD5:${fingerprintOf(readFileSync(`${file}.pub`, 'utf8'))}`, expected.split(' ')[1]);
  });
}

const wrongKeys = ['', 'nonsense', 'ssh-rsa AAAA', 'ssh-ed25519 AAAAB3NzaC1yc2E=', '-----BEGIN CERTIFICATE-----'];
for (const key of wrongKeys) {
  test(`refuses ${JSON.stringify(key)} as a public key`, () => {
    assert.throws(() => fingerprintOf(key), { code: 'badRequest' });
  });
}
