/**
 * Ansible's collection openstack.cloud, as Debian sid packs it, keeps a node of a whole Ingot on fake hardware, once by
 * Keystone and once by HTTP basic authentication. Needs root and, the first time, a Debian mirror with sid.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cacheFolder } from '#build/cache.ts';
import { runCommand } from '#build/run-command.ts';
import { ensureDebianRoot } from '../a-debian-root.ts';
import { aWebServer } from '../a-web-server.ts';
import { aSharedIngot } from '../client/whole-ingot.ts';

const skip = process.getuid?.() !== 0 && 'needs root for a root folder of Debian';
const packages = ['ansible', 'python3-openstacksdk'];
/** In the root folder. */
const place = '/var/lib/playbook';
const maxWaitMs = 1_800_000;

const disk = Buffer.alloc(1024 ** 2, 'disk');
const web = await aWebServer({ '/disk.img': (_, reply) => void reply.end(disk) });
after(() => web.close());
const ingot = aSharedIngot(undefined, { 'images.fetch_addresses': '127.0.0.1' });

const clouds = ['keystone', 'basic'] as const;

function cloudsAt(authUrl: string): string {
  const account = { username: 'admin', password: 'pw' };
  const domains = { user_domain_id: 'default', project_domain_id: 'default' };
  return JSON.stringify({
    clouds: {
      keystone: { auth: { ...account, ...domains, auth_url: authUrl, project_name: 'admin' }, region_name: 'RegionOne' },
      basic: { auth_type: 'http_basic', auth: { ...account, endpoint: new URL('/baremetal', authUrl).href } },
    },
  });
}

for (const [index, cloud] of clouds.entries())
  test(`a playbook keeps a node: ${cloud}`, { skip }, async () => {
    const root = await ensureDebianRoot(
      { folder: join(cacheFolder, 'ansible'), suite: 'sid', packages },
      AbortSignal.timeout(maxWaitMs),
    );
    await mkdir(join(root, place), { recursive: true });
    await copyFile(join(import.meta.dirname, 'playbook.yaml'), join(root, place, 'playbook.yaml'));
    await writeFile(join(root, place, 'clouds.json'), cloudsAt(String(ingot.env['OS_AUTH_URL'])), { mode: 0o600 });
    const variables = {
      ...{ cloud, node_name: `${cloud}node`, mac: `52:54:00:00:10:0${index}`, other_mac: `52:54:00:00:20:0${index}` },
      ...{ image_url: `${web.url}/disk.img`, image_sha256: createHash('sha256').update(disk).digest('hex') },
    };
    const env = {
      ...{ PATH: '/usr/bin:/bin', HOME: place, LANG: 'C.UTF-8', OS_CLIENT_CONFIG_FILE: `${place}/clouds.json` },
      ...{ ANSIBLE_NOCOLOR: '1', ANSIBLE_LOCALHOST_WARNING: 'False' },
    };
    const words = ['-i', 'localhost,', '-e', JSON.stringify(variables), `${place}/playbook.yaml`];
    const command = ['env', '-i', ...Object.entries(env).map((pair) => pair.join('=')), 'ansible-playbook', ...words];

    const said = await runCommand('sh', ['-c', 'chroot "$@" 2>&1 || true', 'sh', root, ...command], { timeoutMs: maxWaitMs });

    assert.match(said, /^localhost +: ok=28 +changed=\d+ +unreachable=0 +failed=0 /m, said.slice(-6000));
  });
