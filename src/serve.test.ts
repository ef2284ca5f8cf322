import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readSettings } from '#settings.ts';
import { serve } from './serve.ts';

test('a start removes the drafts of a killed process from the folders that Ingot makes, and from no other', async (t) => {
  const state_dir = mkdtempSync(join(tmpdir(), 'ingot-serve-'));
  t.after(() => rmSync(state_dir, { recursive: true }));
  const drafts = ['endpoint.0a1b2c3d.part', 'boot/dhcp.conf.0a1b2c3d.part', 'consoles/node.since.0a1b2c3d.part'];
  const others = ['boot/dhcp.conf', 'consoles/node.since', 'backup/dhcp.conf.0a1b2c3d.part'];
  for (const path of [...drafts, ...others].map((name) => join(state_dir, name))) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
  }

  const running = await serve(readSettings({ flags: { state_dir, 'api.listen': '127.0.0.1:0', 'log.level': 'silent' } }));
  await running.close();

  const left = [...drafts, ...others].filter((name) => existsSync(join(state_dir, name)));
  assert.deepEqual(left, others);
});
