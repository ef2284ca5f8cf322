/** Referee test: the unmodified `openstack` client deploys what a node's `instance_info` describes. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { aWebServer } from '#test/a-web-server.ts';
import { openstack, openstackJson, openstackSession, withoutClient as skip } from './openstack.ts';
import { aSharedIngot } from './whole-ingot.ts';

type Row = Record<string, unknown>;

const disk = Buffer.alloc(1024 ** 2, 'disk');
const server = await aWebServer({ '/disk.img': (_, reply) => void reply.end(disk) });
after(() => server.close());

const ingot = aSharedIngot(
  async (directory) => {
    await writeFile(join(directory, 'image'), Buffer.alloc(1024 ** 2));
    await mkdir(join(directory, 'drive', 'openstack', 'latest'), { recursive: true });
    await writeFile(join(directory, 'drive', 'openstack', 'latest', 'user_data'), '#!/bin/sh');
  },
  { 'images.fetch_addresses': '127.0.0.1' },
);

const states = async () => {
  const node: Row = await openstackJson(ingot.env, ['baremetal', 'node', 'show', 'alone']);
  return [node['provision_state'], node['last_error'], node['instance_info'], node['instance_uuid']];
};

test('an instance is deployed with a VIF and a config drive, rebuilt, undeployed, and its node deleted', { skip }, async () => {
  const file = ['--disk-format', 'raw', '--container-format', 'bare', '--file', join(ingot.directory, 'image')];
  const image: Row = await openstackJson(ingot.env, ['image', 'create', ...file, 'img']);
  const { replies } = await openstackSession(ingot.env, [
    'network create wire -f json',
    'port create --network wire nic -f json',
    'baremetal node create --driver fake-hardware --name alone -f json',
    'baremetal node manage alone --wait 60',
  ]);
  const [, port, node] = replies as [Row, Row, Row];
  const source = `image_source=${String(image['id'])}`;
  const { replies: attached } = await openstackSession(ingot.env, [
    `baremetal port create 52:54:00:12:34:56 --node ${String(node['uuid'])}`,
    'baremetal node provide alone --wait 60',
    `baremetal node set --instance-info ${source} --instance-info root_gb=10 alone`,
    `baremetal node vif attach alone ${String(port['id'])}`,
    'baremetal node vif list alone -f json',
    `port show ${String(port['id'])} -f json`,
  ]);
  const [vifs, bound] = attached.slice(-2) as [Row[], Row];
  assert.deepEqual(vifs, [{ ID: port['id'] }]);
  assert.deepEqual([bound['mac_address'], bound['status']], ['52:54:00:12:34:56', 'ACTIVE']);

  const info = { image_source: image['id'], root_gb: 10 };
  const documents = JSON.stringify({ meta_data: { hostname: 'web' }, user_data: '#!/bin/sh' });
  await openstack(ingot.env, ['baremetal', 'node', 'deploy', '--config-drive', documents, '--wait', '120', 'alone']);
  assert.deepEqual(await states(), ['active', null, info, null]);
  assert.deepEqual(await openstackJson(ingot.env, ['server', 'list', '--all-projects', '--host', String(node['uuid'])]), []);
  await assert.rejects(openstack(ingot.env, ['baremetal', 'node', 'delete', 'alone']), /in provision state "active"/);

  const drive = join(ingot.directory, 'drive');
  await openstack(ingot.env, ['baremetal', 'node', 'rebuild', '--config-drive', drive, '--wait', '120', 'alone']);
  assert.deepEqual(await states(), ['active', null, info, null]);

  await openstack(ingot.env, ['baremetal', 'node', 'undeploy', '--wait', '120', 'alone']);
  assert.deepEqual(await states(), ['available', null, {}, null]);
  const { replies: after } = await openstackSession(ingot.env, [
    'baremetal node vif list alone -f json',
    `baremetal node vif attach alone ${String(port['id'])}`,
    `baremetal node vif detach alone ${String(port['id'])}`,
    'baremetal node vif list alone -f json',
    `port show ${String(port['id'])} -f json`,
    'baremetal node delete alone',
    'baremetal node list -f json',
  ]);
  const [gone, detached, free, nodes] = after as [Row[], Row[], Row, Row[]];
  assert.deepEqual([gone, detached, nodes], [[], [], []]);
  assert.deepEqual([free['status'], free['device_id']], ['DOWN', '']);
});

test('an instance is deployed from a URL, if the data has the checksum', { skip }, async () => {
  const sha512 = createHash('sha512').update(disk).digest('hex');
  server.answer('/SHA512SUMS', (_, reply) => void reply.end(`${'0'.repeat(128)}  other.img\n${sha512}  disk.img\n`));
  const source = `--instance-info image_source=${server.url}/disk.img`;
  await openstackSession(ingot.env, [
    'baremetal node create --driver fake-hardware --name remote -f json',
    'baremetal node manage remote --wait 60',
    'baremetal node provide remote --wait 60',
    `baremetal node set ${source} --instance-info image_checksum=${'ab'.repeat(64)} remote`,
  ]);
  await assert.rejects(openstack(ingot.env, ['baremetal', 'node', 'deploy', '--wait', '60', 'remote']), /deploy failed/);
  const failed: Row = await openstackJson(ingot.env, ['baremetal', 'node', 'show', 'remote']);
  assert.equal(failed['provision_state'], 'deploy failed');
  assert.match(String(failed['last_error']), /Validation of image href .*disk.img failed, reason: .* sha512 (ab){64} expected/);

  const { replies } = await openstackSession(ingot.env, [
    `baremetal node set --instance-info image_checksum=${server.url}/SHA512SUMS remote`,
    'baremetal node deploy remote --wait 60',
    'baremetal node show remote -f json',
    'image list --name disk.img -f json',
  ]);
  const [deployed, images] = replies as [Row, Row[]];
  assert.deepEqual([deployed['provision_state'], deployed['last_error'], images], ['active', null, []]);
  assert.equal(server.counts.get('/disk.img'), 2);
});
