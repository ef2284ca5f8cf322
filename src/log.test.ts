import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Logger } from 'pino';
import { openDrivers } from '#drivers/registry.ts';
import { declaredSecrets } from '#services/baremetal/secrets.ts';
import { createLog } from './log.ts';
import { readSettings } from './settings.ts';

test('logs JSON lines without terminal escape sequences, whatever is logged', () => {
  const lines: string[] = [];
  const log = createLog({ 'log.level': 'info' }, { write: (line) => void lines.push(line) });
  const url = '/\u009b31m\u007f\u202e\u2028\u001b[2J ü';

  log.info({ url }, url);

  assert.equal(lines.length, 1);
  assert.doesNotMatch(lines[0]?.trimEnd() ?? '', /[\p{Cc}\u2028\u2029\u202a-\u202e]/u);
  assert.deepEqual([JSON.parse(lines[0] ?? '').url, JSON.parse(lines[0] ?? '').msg], [url, url]);
});

const settings = readSettings({ flags: { state_dir: '/nonexistent' } });
const { drivers, close } = await openDrivers({ settings, confirmPower: async () => {} });
after(close);
const declared = declaredSecrets(drivers);
const own = ['password', 'token', 'x-auth-token', 'authorization', 'secret', 'session', 'deployment_key', 'adminPass'];

/** Everything a log line can be made of. */
const places: Readonly<Record<string, (log: Logger, fields: object) => void>> = {
  'a field': (log, fields) => log.info(fields, 'text'),
  'a field at depth': (log, fields) => log.info({ node: { driver_info: { more: { fields } } } }, 'text'),
  'a field in arrays': (log, fields) => log.info({ nodes: [[{ driver_info: [fields] }]] }, 'text'),
  'a field of an error': (log, fields) => log.error({ err: Object.assign(new Error('failed'), { values: fields }) }, 'text'),
  'a field of one of several errors': (log, fields) =>
    log.error({ err: new AggregateError([Object.assign(new Error('one'), fields)], 'several') }, 'text'),
  'an error itself': (log, fields) => log.error(Object.assign(new Error('failed'), { fields })),
  'a field of a child logger': (log, fields) => log.child({ fields }).info('text'),
  'a message that quotes JSON': (log, fields) => log.info(`the reply was ${JSON.stringify(fields)}`),
  'an error that quotes JSON': (log, fields) => log.error(new Error(`the request was ${JSON.stringify({ fields })}`)),
};

for (const [place, write] of Object.entries(places)) {
  test(`masks every secret of drivers and settings in ${place}`, () => {
    for (const name of [...declared, ...own]) {
      const lines: string[] = [];
      const log = createLog({ 'log.level': 'info' }, { write: (line) => void lines.push(line), secrets: declared });

      write(log, { [name]: 'S3CRET "quoted"', ipmi_username: 'visible' });

      assert.doesNotMatch(lines.join(''), /S3CRET/, name);
      assert.match(lines.join(''), /visible/, name);
      assert.doesNotThrow(() => JSON.parse(lines.join('')), name);
    }
  });
}

test('masks a whole object that is secret', () => {
  const lines: string[] = [];
  const log = createLog({ 'log.level': 'info' }, { write: (line) => void lines.push(line), secrets: declared });

  log.info({ driver_info: { power_headers: { 'X-Key': 'S3CRET' } } }, 'text');

  assert.equal(JSON.parse(lines.join('')).driver_info.power_headers, '******');
});

test('the drivers declare their secrets', () => {
  for (const name of ['ipmi_hex_kg_key', 'snmp_community_read', 'snmp_community_write', 'power_headers', 'redfish_password'])
    assert.ok(declared.has(name), name);
});

test('no secret is shown under another spelling of its name', () => {
  const lines: string[] = [];
  const log = createLog({ 'log.level': 'info' }, { write: (line) => void lines.push(line), secrets: declared });

  log.info({ 'X-Auth-Token': 'S3CRET', Password: 'S3CRET', headers: { AUTHORIZATION: ['S3CRET'] } }, 'visible');
  log.info(`the reply was ${JSON.stringify({ 'X-Auth-Token': 'S3CRET', Ipmi_Password: 'S3CRET' })}`);

  assert.doesNotMatch(lines.join(''), /S3CRET/);
  assert.match(lines.join(''), /visible/);
});

for (const text of [
  'GET / HTTP/1.1\r\nX-Auth-Token: S3CRET\r\nHost: visible',
  'curl -H "x-auth-token: S3CRET"\nvisible',
  'visible authorization: Basic S3CRET more-of-S3CRET',
  'Set-Cookie: session=S3CRET; path=/\nvisible',
  'cannot reach postgresql://ingot:S3CRET@visible/ingot',
  'visible http://u:S3CRET@[::1]/redfish?token=S3CRET',
])
  test(`no secret is shown in the text ${JSON.stringify(text)}`, () => {
    const lines: string[] = [];
    const log = createLog({ 'log.level': 'info' }, { write: (line) => void lines.push(line), secrets: declared });

    log.info({ detail: text }, text);
    log.error({ err: new Error(text) }, 'failed');

    assert.equal(lines.length, 2);
    assert.doesNotMatch(lines.join(''), /S3CRET/);
    for (const line of lines) assert.match(JSON.stringify(JSON.parse(line)), /visible/);
  });
