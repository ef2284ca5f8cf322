import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { ImageToFetch } from '#domain/image-to-fetch.ts';
import type { AgentKind, Instance, NodeFacts } from '#drivers/interfaces.ts';
import { readSettings } from '#settings.ts';
import { aNode } from '#test/a-task.ts';
import { checkDeployRamdisk, deployRamdisk } from './deploy-ramdisk.ts';

const flags = { 'deploy.kernel': '/k', 'deploy.ramdisk': '/r', 'deploy.ipa_kernel': '/ipa/k', 'deploy.ipa_ramdisk': '/ipa/r' };
const settings = readSettings({ flags });
const ids = {
  kernel: '11111111-1111-4111-8111-111111111111',
  ramdisk: '22222222-2222-4222-8222-222222222222',
  tenants: '33333333-3333-4333-8333-333333333333',
};
const urls = { deploy_kernel: 'http://files.example/k', deploy_ramdisk: 'https://files.example/r' };
const images = { deploy_kernel: ids.kernel, deploy_ramdisk: `glance://${ids.ramdisk}` };

type Info = NodeFacts['driver_info'];
const node = (driver_info: Info): NodeFacts => ({ ...aNode({ driver_info }), ports: [] });

function aFixture(refused?: Fault) {
  const fetched: ImageToFetch[] = [];
  const find = async ({ id }: { id: string }) =>
    id === ids.tenants ? { id, status: 'active', uploaded_by_admin: false } : { id, status: 'active', uploaded_by_admin: true };
  const parts = {
    store: { images: { find } } as never,
    images: { file: async (id: string) => `/images/${id}` },
    fetcher: {
      async fetch(wanted: ImageToFetch) {
        if (refused) throw refused;
        fetched.push(wanted);
        return { id: `of-${wanted.use}` } as never;
      },
    },
    settings,
    signal: AbortSignal.timeout(60_000),
  };
  const ramdisk = (kind: AgentKind, driver_info: Info = {}, extra_specs?: Record<string, string>) =>
    deployRamdisk(parts, {
      instance: extra_specs && ({ flavor: { extra_specs } } as unknown as Instance),
      node: node(driver_info),
      kind,
    });
  return { ramdisk, fetched, check: (info: Info) => checkDeployRamdisk(parts, node(info)) };
}

test('each agent has the kernel and ramdisk of its settings, unless the node names others', async () => {
  const { ramdisk, fetched, check } = aFixture();

  assert.deepEqual(await ramdisk('ingot'), { kernel: '/k', ramdisk: '/r' });
  assert.deepEqual(await ramdisk('ipa', { deploy_kernel: '', deploy_ramdisk: null }), { kernel: '/ipa/k', ramdisk: '/ipa/r' });
  for (const kind of ['ingot', 'ipa'] as const) {
    assert.deepEqual(await ramdisk(kind, images), { kernel: `/images/${ids.kernel}`, ramdisk: `/images/${ids.ramdisk}` });
    assert.deepEqual(await ramdisk(kind, urls), { kernel: '/images/of-kernel', ramdisk: '/images/of-ramdisk' });
  }
  assert.deepEqual(fetched.slice(0, 2), [
    { url: urls.deploy_kernel, use: 'kernel' },
    { url: urls.deploy_ramdisk, use: 'ramdisk' },
  ]);
  await check(images);
  await check(urls);
  await check({});
});

test('a flavor takes precedence over the node, and names images alone', async () => {
  const { ramdisk, fetched } = aFixture();
  const specs = { 'baremetal:deploy_kernel_id': ids.kernel, 'baremetal:deploy_ramdisk_id': ids.ramdisk };

  assert.deepEqual(await ramdisk('ingot', urls, specs), { kernel: `/images/${ids.kernel}`, ramdisk: `/images/${ids.ramdisk}` });
  assert.deepEqual(fetched, []);
  const byUrl = { ...specs, 'baremetal:deploy_kernel_id': urls.deploy_kernel };
  await assert.rejects(ramdisk('ingot', {}, byUrl), { code: 'imageUnusable', message: /is no image id/ });
});

test('refuses what is no image or URL, a kernel without a ramdisk, and images of tenants', async () => {
  const { ramdisk, check, fetched } = aFixture();
  const deploy_ramdisk = ids.ramdisk;
  for (const [info, code, words] of [
    [{ deploy_kernel: '/etc/shadow', deploy_ramdisk }, 'imageUnusable', /is no image id/],
    [{ deploy_kernel: 'ftp://files.example/k', deploy_ramdisk }, 'imageUnusable', /is no image id/],
    [{ deploy_kernel: ids.tenants, deploy_ramdisk }, 'imageUnusable', /must be an administrator's image/],
    [{ deploy_kernel: `http://${'a'.repeat(3000)}`, deploy_ramdisk }, 'driverInfo', /more than 2048 characters/],
    [{ deploy_kernel: ['x'], deploy_ramdisk }, 'driverInfo', /must be text/],
    [{ deploy_ramdisk }, 'driverInfo', /deploy_ramdisk is set, but deploy_kernel is missing/],
    [{ deploy_kernel: ids.kernel }, 'driverInfo', /deploy_kernel is set, but deploy_ramdisk is missing/],
  ] as const) {
    for (const kind of ['ingot', 'ipa'] as const) await assert.rejects(ramdisk(kind, info as Info), { code, message: words });
    await assert.rejects(check(info as Info), { code, message: words });
  }
  assert.deepEqual(fetched, []);
});

test('a URL that the rules of downloads refuse fails with that reason', async () => {
  const { ramdisk } = aFixture(new Fault('imageRefused', { image: 'file:///etc/shadow', detail: 'not below images.file_paths' }));
  const info = { deploy_kernel: 'file:///etc/shadow', deploy_ramdisk: 'file:///etc/shadow' };

  await assert.rejects(ramdisk('ingot', info), { code: 'imageRefused' });
});
