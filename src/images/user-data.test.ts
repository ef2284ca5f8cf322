/** A server's user data and files, as Debian's cloud-init reads them from the config drive. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type CloudInit, cloudInitModules, readAsCloudInit } from '#test/a-cloud-init.ts';
import { aServer } from '#test/a-task.ts';
import { configDriveFiles } from './config-drive.ts';

let folder: string;
let found: Awaited<ReturnType<typeof cloudInitModules>>;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingot-user-data-'));
  found = await cloudInitModules(folder);
});
after(() => rm(folder, { recursive: true, force: true }));

async function read(t: TestContext, fields: Parameters<typeof aServer>[0]): Promise<CloudInit | undefined> {
  if ('reason' in found) {
    t.skip(found.reason);
    return undefined;
  }
  const files = configDriveFiles(aServer(fields), { ports: [], networks: [], subnets: [], bonds: [], vlans: [] });
  return readAsCloudInit(found.modules, { folder: await mkdtemp(join(folder, 'drive-')), files, nics: {} });
}

const config = '#cloud-config\nlocale: de_DE.UTF-8 # ü\n';
const script = '#!/bin/sh\necho done\n';
const multipart = [
  'Content-Type: multipart/mixed; boundary="=="',
  'MIME-Version: 1.0',
  '',
  '--==',
  'Content-Type: text/cloud-config; charset="utf-8"',
  'Content-Transfer-Encoding: base64',
  '',
  Buffer.from(config).toString('base64'),
  '--==',
  'Content-Type: text/x-shellscript; charset="us-ascii"',
  '',
  script,
  '--==--',
  '',
].join('\n');

const kinds: [what: string, sent: Buffer, types: string[]][] = [
  ['a configuration', Buffer.from(config), ['text/cloud-config']],
  ['one packed by gzip', gzipSync(config), ['text/cloud-config']],
  ['several parts', Buffer.from(multipart), ['text/cloud-config', 'text/x-shellscript']],
  ['several parts packed by gzip', gzipSync(multipart), ['text/cloud-config', 'text/x-shellscript']],
];
for (const [what, sent, types] of kinds) {
  test(`user data is ${what}`, async (t) => {
    const drive = await read(t, { user_data: sent.toString('base64') });

    if (!drive) return;
    assert.deepEqual(
      drive.parts.map(({ type }) => type),
      types,
    );
    assert.match(drive.parts[0]?.text ?? '', /locale: de_DE\.UTF-8 # ü/);
  });
}

test('passes names in other scripts, metadata and files to the system', async (t) => {
  const drive = await read(t, {
    name: 'Wëb 1',
    hostname: 'web-1',
    metadata: { 'role:a b': 'ü' },
    personality: [{ path: '/etc/motd', contents: Buffer.from('grüß dich').toString('base64') }],
    key_name: 'mine',
    public_key: 'ssh-ed25519 AAAA me@here\n',
  });

  if (!drive) return;
  const { name, hostname, meta, public_keys } = drive.metadata;
  assert.deepEqual([name, hostname, meta], ['Wëb 1', 'web-1', { 'role:a b': 'ü' }]);
  assert.deepEqual(public_keys, { mine: 'ssh-ed25519 AAAA me@here' });
  assert.deepEqual(drive.files, { '/etc/motd': 'grüß dich' });
});
