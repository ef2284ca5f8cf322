/**
 * Referee test: what the unmodified `openstack` client shows a member: failed servers, names with control characters.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { aFreeNode, openTwoProjects, type TwoProjects } from '#test/two-projects.ts';
import { openstack, openstackJson, withoutClient as skip } from './openstack.ts';

let projects: TwoProjects;
let admin: NodeJS.ProcessEnv;
let mallory: NodeJS.ProcessEnv;
before(async () => {
  projects = await openTwoProjects();
  ({ env: admin } = await projects.fixture.listen());
  mallory = { ...admin, OS_USERNAME: 'mallory', OS_PASSWORD: 'a long password', OS_PROJECT_NAME: 'mallory' };
});
after(() => projects.fixture.close());

test('shows a generic message to the owner of a server without a host, and the reasons to the administrator', {
  skip,
}, async () => {
  const image = projects.own['images'] ?? '';
  const made = ['server', 'create', '--flavor', 'metal', '--image', image, '--network', projects.own['networks'] ?? '', 'w'];
  const { id } = (await openstackJson(mallory, made)) as unknown as { id: string };
  const faultOf = async (env: NodeJS.ProcessEnv) => {
    const server = (await openstackJson(env, ['server', 'show', id])) as unknown as { fault: { message: string } };
    return server.fault.message;
  };

  assert.equal(await faultOf(mallory), 'No valid host was found. There are not enough hosts available.');
  assert.match(await faultOf(admin), /Of 2 nodes: 2 in use/);
});

test('shows the console of a failed server to its owner, and the node to the administrator', {
  skip,
}, async () => {
  const { fixture, own } = projects;
  const node = await aFreeNode(fixture);
  fixture.onDeploy(async (task) => {
    fixture.consoles.set(task.node.uuid, 'grub> ls\nKernel panic - not syncing\n');
    throw new Fault('agentFailed', { command: 'write the image', detail: 'disk on fire' });
  });
  const made = ['server', 'create', '--flavor', 'metal', '--image', own['images'] ?? '', '--network', own['networks'] ?? '', 'f'];
  const { id } = await openstackJson(mallory, made);
  await fixture.quiet();
  fixture.onDeploy(undefined);

  assert.equal(await openstack(mallory, ['console', 'log', 'show', id]), 'grub> ls\nKernel panic - not syncing\n');
  assert.equal(await openstack(mallory, ['console', 'log', 'show', '--lines', '1', id]), 'Kernel panic - not syncing\n');
  const [hers, all] = [await openstackJson(mallory, ['server', 'show', id]), await openstackJson(admin, ['server', 'show', id])];
  assert.ok(all.fault.details.includes(node) && all.fault.details.endsWith('Kernel panic - not syncing'), all.fault.details);
  assert.doesNotMatch(JSON.stringify(hers.fault), new RegExp(`${node}|panic`));
  const shown = await openstackJson(admin, ['baremetal', 'node', 'show', node]);
  assert.match(shown.last_error, /Kernel panic - not syncing$/);
});

test('reports a server that does not boot to its owner, who restarts it', { skip }, async () => {
  const { fixture, own } = projects;
  const id = own['servers'] ?? '';
  const [node] = await fixture.store.nodes.list({ instance_uuid: id });
  await fixture.store.nodes.update({ uuid: node?.uuid ?? '' }, { inventory: { disks: [{}] } });
  const [port] = await fixture.store.node_ports.list({ node_uuid: node?.uuid ?? '' });
  fixture.engine.machineRequest({ kind: 'http', mac: port?.address ?? '', subject: 'disk failed', message: 'tells' });
  while ((await fixture.store.servers.find({ id }))?.vm_state === 'active') await new Promise(setImmediate);

  const failed = await openstackJson(mallory, ['server', 'show', id]);
  await openstack(mallory, ['server', 'reboot', '--hard', '--wait', id]);
  const restarted = await openstackJson(mallory, ['server', 'show', id]);

  assert.equal(failed.status, 'ERROR');
  assert.match(failed.fault.message, /^The machine does not boot an operating system: no bootable disk was found\.$/);
  assert.match(failed.fault.details, /Rebuild the server with another image.*reboot --hard/);
  assert.deepEqual([restarted.status, restarted.fault], ['ACTIVE', undefined]);
});

test('shows records of another project like missing ones', { skip }, async () => {
  const { others, nothing } = projects;
  for (const noun of ['server', 'port'] as const) {
    const said = async (id = '') =>
      openstack(mallory, [noun, 'show', id]).then(
        () => 'it is shown',
        (error: Error) => error.message.replaceAll(id, 'ID'),
      );
    assert.equal(await said(others[`${noun}s`]), await said(nothing[`${noun}s`]));
  }
});

test('rejects a name with terminal escape sequences', { skip }, async () => {
  await assert.rejects(openstack(mallory, ['network', 'create', 'a\u001b]0;owned\u0007']), /must not contain control characters/);

  assert.doesNotMatch(await openstack(admin, ['network', 'list']), /owned/);
});
