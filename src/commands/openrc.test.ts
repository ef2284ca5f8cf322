import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { readSettings } from '#settings.ts';
import { openrcLines } from './openrc.ts';

test('a shell evaluates the output, whatever characters the password has', async () => {
  const state_dir = await mkdtemp(join(tmpdir(), 'ingot-openrc-'));
  const password = `it's "$HOME" \\ \`id\` ; !`;
  await writeFile(join(state_dir, 'endpoint'), 'http://127.0.0.1:6385\n');
  await writeFile(join(state_dir, 'admin-password'), `${password}\n`);

  const lines = openrcLines(readSettings({ flags: { state_dir } }));
  const script = `${lines}printf '%s|%s|%s|%s' "$OS_AUTH_URL" "$OS_PASSWORD" "$OS_USERNAME" "\${OS_TOKEN-unset}"`;
  const seen = execFileSync('sh', ['-eu', '-c', script], {
    encoding: 'utf8',
    env: { ...process.env, OS_TOKEN: 'of another cloud' },
  });

  assert.equal(seen, `http://127.0.0.1:6385/identity/v3|${password}|admin|unset`);
  await rm(state_dir, { recursive: true });
});

test('names the missing file if there is no state folder', () => {
  const settings = readSettings({ flags: { state_dir: '/nonexistent' } });

  assert.throws(() => openrcLines(settings), /\/nonexistent\/endpoint does not exist/);
});

test('waits for the state of an `ingot serve` that has just been started', async () => {
  const state_dir = await mkdtemp(join(tmpdir(), 'ingot-openrc-'));
  const child = spawn('bin/ingot', ['openrc', '--state', state_dir], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = text(child.stdout);
  const ended = once(child, 'close');

  const [notice] = await once(child.stderr, 'data');
  await writeFile(join(state_dir, 'admin-password'), 'secret\n');
  await writeFile(join(state_dir, 'endpoint'), 'http://127.0.0.1:6385\n');

  assert.match(String(notice), /waiting up to 15 s for an Ingot to start in /);
  assert.deepEqual(await ended, [0, null]);
  assert.match(await said, /OS_AUTH_URL='http:\/\/127\.0\.0\.1:6385\/identity\/v3'/);
  await rm(state_dir, { recursive: true });
});
