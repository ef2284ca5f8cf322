/** Concurrent changes over the API while a server is being deployed: see docs/decisions/0021. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Server } from '#store/tables/servers.ts';
import { aFlavor } from '#test/a-task.ts';
import { aFreeNode, openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own, others } = await openTwoProjects();
after(() => fixture.close());
const { store } = fixture;

type Ask = { method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'; url: string; payload?: unknown; type?: string };

async function ask({ payload, type = 'application/json', ...request }: Ask, headers: Readonly<Record<string, string>> = {}) {
  const body = payload === undefined ? {} : { payload: JSON.stringify(payload) };
  return fixture.ask({ ...request, headers: { ...(payload !== undefined && { 'content-type': type }), ...headers }, ...body });
}

type Used = { server: Server; kernel: string | undefined; file: string | undefined };

/** A member's server whose deployment is paused during `meanwhile`. @returns what the deployment then used */
async function deploy(fields: object, meanwhile: (node: string) => Promise<void>) {
  await aFreeNode(fixture);
  const goOn = fixture.hold();
  let used: Used | undefined;
  fixture.onDeploy(async (task) => {
    const { kernel } = await task.imageIds();
    used = {
      server: (await store.servers.find({ id: task.instance!.id }))!,
      kernel,
      file: kernel && (await task.images.file(kernel)),
    };
  });
  const server = { name: 'web', imageRef: own['images'], flavorRef: 'f1', networks: [], ...fields };
  const made = await ask({ method: 'POST', url: '/compute/v2.1/servers', payload: { server } }, member);
  assert.equal(made.status, 202, JSON.stringify(made.body));
  const { node_uuid } = (await store.servers.find({ id: made.body.server.id }))!;
  await meanwhile(node_uuid ?? '');
  goOn();
  await fixture.quiet();
  fixture.onDeploy(undefined);
  const { body } = await fixture.ask({ url: `/compute/v2.1/servers/${made.body.server.id}`, headers: member });
  await ask({ method: 'DELETE', url: `/compute/v2.1/servers/${made.body.server.id}` }, member);
  await fixture.quiet();
  return { used, shown: body.server };
}

/** An active image of the member's project. */
async function anImageOf(name: string, more: object = {}): Promise<string> {
  const fields = { name, disk_format: 'raw', container_format: 'bare', ...more };
  const { body } = await ask({ method: 'POST', url: '/image/v2/images', payload: fields }, member);
  await store.images.update({ id: body.id }, { status: 'active', size: 1, virtual_size: 1 });
  return body.id;
}

const kernel = await anImageOf('kernel');
const partition = await anImageOf('partition', { kernel_id: kernel, ramdisk_id: kernel });
const patchType = 'application/openstack-images-v2.1-json-patch';

test("does not deploy another project's image set as kernel_id after the check", async () => {
  const { used, shown } = await deploy({ imageRef: partition }, async () => {
    const payload = [{ op: 'replace', path: '/kernel_id', value: others['images'] }];
    const url = `/image/v2/images/${partition}`;
    assert.equal((await ask({ method: 'PATCH', url, payload, type: patchType }, member)).status, 200);
  });

  assert.deepEqual([shown.status, used?.kernel, used?.file], ['ACTIVE', kernel, `/images/${kernel}`]);
  const server = { name: 'web', imageRef: partition, flavorRef: 'f1', networks: [] };
  assert.equal((await ask({ method: 'POST', url: '/compute/v2.1/servers', payload: { server } }, member)).status, 400);
  const rebuild = { method: 'POST', url: `/compute/v2.1/servers/${own['servers']}/action` } as const;
  assert.equal((await ask({ ...rebuild, payload: { rebuild: { imageRef: partition } } }, member)).status, 400);
});

test('uses the flavor, extra specs and key as they were at the request', async () => {
  await store.flavors.insert(aFlavor({ id: 'f2', name: 'f2', extra_specs: { 'hw:colour': 'red' } }));
  const { used, shown } = await deploy({ flavorRef: 'f2', key_name: own['os-keypairs'] }, async () => {
    const specs = { extra_specs: { 'hw:colour': 'blue' } };
    assert.equal((await ask({ method: 'POST', url: '/compute/v2.1/flavors/f2/os-extra_specs', payload: specs })).status, 200);
    assert.equal((await ask({ method: 'DELETE', url: '/compute/v2.1/flavors/f2' })).status, 202);
    const key = `/compute/v2.1/os-keypairs/${own['os-keypairs']}`;
    assert.equal((await ask({ method: 'DELETE', url: key }, member)).status, 202);
  });

  assert.equal(shown.status, 'ACTIVE');
  assert.deepEqual(used?.server.flavor.extra_specs, { 'hw:colour': 'red' });
  assert.match(used?.server.public_key ?? '', /^ssh-/);
});

test('BMC, interfaces and ports of a node do not change during an operation', async () => {
  const headers = { 'x-openstack-ironic-api-version': '1.78' };
  const { shown } = await deploy({}, async (node) => {
    const changes = [
      ['/driver_info/ipmi_address', '192.0.2.66'],
      ['/boot_interface', 'fake'],
      ['/driver', 'ipmi'],
    ] as const;
    for (const [path, value] of changes) {
      const change = { method: 'PATCH', url: `/baremetal/v1/nodes/${node}`, payload: [{ op: 'add', path, value }] } as const;
      assert.equal((await ask(change, headers)).status, 409, path);
    }
    assert.equal((await ask({ method: 'DELETE', url: `/baremetal/v1/nodes/${node}` }, headers)).status, 409);
  });

  assert.equal(shown.status, 'ACTIVE');
});

test('does not delete a project with a server being deployed', async () => {
  const { shown } = await deploy({}, async () => {
    assert.equal((await ask({ method: 'DELETE', url: `/identity/v3/projects/${own['projects']}` })).status, 409);
  });

  assert.equal(shown.status, 'ACTIVE');
});
