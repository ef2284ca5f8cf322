import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSettings } from '#settings.ts';
import { openrcLines } from './openrc.ts';

test('a shell takes the lines, whatever characters the password has', async () => {
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

test('without a state folder of a server it says which file is missing', () => {
  const settings = readSettings({ flags: { state_dir: '/nonexistent' } });

  assert.throws(() => openrcLines(settings), /\/nonexistent\/endpoint does not exist/);
});
