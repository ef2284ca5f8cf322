import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Setting } from './settings/setting.ts';
import { readSettings, settingsTable } from './settings.ts';

type Refusal = readonly [flags: Record<string, string>, complaint: RegExp];

const refusals: readonly Refusal[] = [
  [{ listen: '127.0.0.1:99999' }, /'api.listen' must be HOST:PORT or fd:N, not "127.0.0.1:99999" \(from flag --listen\)/],
  [{ 'provisioning.http_port': '70000' }, /must be a whole number from 0 to 65535/],
  [{ 'provisioning.pool': '172.30.0.10' }, /must be FIRST-LAST/],
  [{ 'provisioning.cidr': '172.30.0.0/33' }, /must be an IPv4 subnet/],
  [{ 'provisioning.cidr': '172.30.0.999/24' }, /must be an IPv4 subnet/],
  [{ 'power.timeout': '-1' }, /a whole number of 0 or more, not "-1"/],
  [{ 'redfish.raw_paths': 'all' }, /must be one of none, read/],
  ...['proxy.example', '10.0.0.0/33', '0.0.0.0/0', '::/0', '10.0.0.1,true', 'fe80::1%eth0'].map(
    (text): Refusal => [{ 'api.trusted_proxies': text }, /must be addresses or CIDRs/],
  ),
  [{ 'no.such': '1' }, /unknown setting 'no.such' \(from flag --no.such\)/],
];

for (const [flags, complaint] of refusals) {
  test(`a wrong setting stops with its name, what was expected and its origin: ${Object.keys(flags)[0]}=${Object.values(flags)[0]}`, () => {
    assert.throws(() => readSettings({ flags }), complaint);
  });
}

test('distinguishes a missing settings file from invalid JSON', () => {
  assert.throws(() => readSettings({ file: '/nonexistent/ingot.json' }), /ingot\.json cannot be read: ENOENT/);
  assert.throws(() => readSettings({ file: import.meta.filename }), /settings\.test\.ts is no JSON: /);
});

test('quotes nothing of a settings file that is no JSON', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-settings-'));
  try {
    for (const text of [
      '{"admin": {"password": hunter2}}',
      `{"p": hunter2, "q": "${'x'.repeat(100)}"}`,
      '{"p": "hunter2" "x"}',
    ]) {
      const file = join(folder, 'ingot.json');
      writeFileSync(file, text);
      const isSilent = ({ message }: Error) => /is no JSON: \w/.test(message) && !/hun/.test(message);
      assert.throws(() => readSettings({ file }), isSilent, text);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('accepts a short flag for its setting', () => {
  assert.equal(readSettings({ flags: { state: '/tmp/x' } }).state_dir, '/tmp/x');
});

test('former names and values of settings are still accepted', () => {
  const settings = readSettings({
    env: { INGOT_BMC_PATIENCE: '90' },
    flags: { 'power.looks_at_once': '7', 'power.sync_policy': 'hold' },
  });
  assert.equal(settings['bmc.grace_period'], 90);
  assert.equal(settings['power.sync_workers'], 7);
  assert.equal(settings['power.sync_policy'], 'maintenance');
});

/** Something that each kind of setting refuses. */
const nonsense: Readonly<Record<Setting['kind'], unknown>> = {
  text: 'two\nlines',
  integer: '-1',
  boolean: 'perhaps',
  address: '300.0.0.1',
  list: ['a', 1],
};

for (const [name, row] of Object.entries<Setting>(settingsTable)) {
  test(`${name} accepts its default and rejects invalid values`, () => {
    const wrong = row.secret ? 'a\0b' : nonsense[row.kind];

    assert.notEqual(row.read(row.default), undefined);
    assert.equal(row.read(wrong), undefined);
    assert.equal(row.read({}), undefined);
  });
}

test('every setting is read outside of its definition', () => {
  const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !/(^|\/)settings(\.ts$|\/)/.test(file),
  );
  const code = files.map((file) => readFileSync(`${import.meta.dirname}/${file}`, 'utf8')).join('\n');
  const isRead = (name: string) =>
    [`settings['${name}']`, `settings.${name}`, `{ '${name}': `, `, '${name}': `].some((read) => code.includes(read));

  assert.deepEqual(
    Object.keys(settingsTable).filter((name) => !isRead(name)),
    [],
  );
});
