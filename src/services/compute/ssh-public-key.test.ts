import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createECDH } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readPublicKey } from './ssh-public-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-ssh-key-'));
after(() => rmSync(folder, { recursive: true }));
const hasSshKeygen = spawnSync('ssh-keygen', ['-?']).error === undefined;
const options = hasSshKeygen ? {} : { skip: 'ssh-keygen is not installed' };

const kinds: readonly (readonly [type: string, bits: string])[] = [
  ['rsa', '1024'],
  ['rsa', '2048'],
  ['rsa', '3072'],
  ['ed25519', '256'],
  ['ecdsa', '256'],
  ['ecdsa', '384'],
  ['ecdsa', '521'],
];

function makeKey([type, bits]: readonly [string, string]): string {
  const file = join(folder, `${type}${bits}`);
  rmSync(file, { force: true });
  assert.equal(spawnSync('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-C', 'me', '-f', file]).status, 0);
  return readFileSync(`${file}.pub`, 'utf8').trim();
}

const isReadByOpenSsh = (line: string) => spawnSync('ssh-keygen', ['-l', '-f', '-'], { input: `${line}\n` }).status === 0;
const isReadByUs = (line: string) => {
  try {
    return readPublicKey(line).blob.length > 0;
  } catch {
    return false;
  }
};

/** All corruptions of a key by a typo, a truncated line or a wrong length. */
function* spoiled(line: string): Generator<string> {
  const [type = '', encoded = ''] = line.split(' ');
  const blob = Buffer.from(encoded, 'base64');
  for (let cut = 1; cut < encoded.length; cut += 3) yield `${type} ${encoded.slice(0, -cut)}`;
  for (const length of [4, 8, 16, 24]) yield `${type} ${blob.subarray(0, blob.length - length).toString('base64')}`;
  for (const other of ['ssh-rsa', 'ssh-ed25519', 'ecdsa-sha2-nistp256'].filter((name) => name !== type))
    yield `${other} ${encoded}`;
  for (let at = 0; at < 24; at++) {
    const changed = Buffer.from(blob);
    changed[at] = (changed[at] ?? 0) ^ 0x41;
    yield `${type} ${changed.toString('base64')}`;
  }
}

for (const kind of kinds) {
  test(`${kind.join(' ')}: rejects what ssh-keygen does not read`, options, () => {
    const line = makeKey(kind);
    assert.ok(isReadByOpenSsh(line) && isReadByUs(line), line);
    const lenient = [...spoiled(line)].filter((each) => isReadByUs(each) && !isReadByOpenSsh(each));
    assert.deepEqual(lenient, []);
  });
}

test('reads keys of security tokens', options, () => {
  // From OpenSSH's regress/unittests/sshkey: layouts of PROTOCOL.u2f, with random bytes.
  const string = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const type = 'sk-ssh-ed25519@openssh.com';
  const blob = Buffer.concat([string(Buffer.from(type)), string(Buffer.alloc(32, 7)), string(Buffer.from('ssh:'))]);
  const line = `${type} ${blob.toString('base64')} token`;
  assert.ok(isReadByOpenSsh(line) && isReadByUs(line));
  assert.equal(isReadByUs(`${type} ${blob.subarray(0, -4).toString('base64')}`), false);
});

test('rejects a point that is not on its curve, and an application with a NUL', options, () => {
  const string = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const point = (bend: number) => {
    const pair = createECDH('prime256v1');
    pair.setPrivateKey(Buffer.of(1));
    const bytes = pair.getPublicKey();
    bytes[40] = (bytes[40] ?? 0) ^ bend;
    return bytes;
  };
  const token = (bend: number, application: string) => {
    const type = 'sk-ecdsa-sha2-nistp256@openssh.com';
    const fields = [Buffer.from(type), Buffer.from('nistp256'), point(bend), Buffer.from(application)];
    return `${type} ${Buffer.concat(fields.map(string)).toString('base64')} token`;
  };
  for (const [line, isKey] of [
    [token(0, 'ssh:'), true],
    [token(1, 'ssh:'), false],
    [token(0, 's\0sh:'), false],
  ] as const)
    assert.deepEqual([isReadByUs(line), isReadByOpenSsh(line)], [isKey, isKey]);
});

test('allows only the whitespace of sshd around a key', options, () => {
  const key = makeKey(['ed25519', '256']);
  for (const before of ['\uFEFF', '\u00A0', '\u3000', '\u2028'])
    assert.deepEqual([isReadByUs(before + key), isReadByOpenSsh(before + key)], [false, false], JSON.stringify(before));
  for (const line of [` \t${key}`, `\n${key}\r\n`]) assert.deepEqual([isReadByUs(line), isReadByOpenSsh(line)], [true, true]);
});

test('reports what is wrong', () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['-----BEGIN OPENSSH PRIVATE KEY-----', /must begin with one of ssh-rsa, /],
    ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI', /cut off or no base64/],
    ['ssh-ed25519 AAAAB3NzaC1yc2E=', /it is no ssh-ed25519 key/],
    ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAAAA', /Ed25519 key has 32 bytes|cut off/],
    ['ssh-ed25519', /cut off or no base64/],
    ['ssh-ed25519 AAAA\nssh-rsa AAAA', /one line/],
    ['toString AAAA', /must begin with/],
  ];
  for (const [line, message] of rows) assert.throws(() => readPublicKey(line), { code: 'badRequest', message });
});
