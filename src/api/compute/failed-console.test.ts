/** The console log of a failed server that has lost its machine: for its owner and for administrators. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import { aFreeNode, openTwoProjects, type TwoProjects } from '#test/two-projects.ts';

let projects: TwoProjects;
let node: string;
let otherProject: Record<string, string>;
const servers = '/compute/v2.1/servers';
before(async () => {
  projects = await openTwoProjects();
  node = await aFreeNode(projects.fixture);
  otherProject = { 'x-auth-token': await projects.fixture.logIn('victim', 'a long password', 'victim') };
});
after(() => projects.fixture.close());
beforeEach(() => projects.fixture.onDeploy(undefined));

/** A server whose machine prints this and then cannot be written to. */
async function aFailedServer(printed: string, headers: Readonly<Record<string, string>> = projects.member): Promise<string> {
  const { fixture, own, others } = projects;
  fixture.onDeploy(async (task) => {
    fixture.consoles.set(task.node.uuid, printed);
    throw new Fault('agentFailed', { command: 'write the image', detail: 'disk on fire' });
  });
  const imageRef = headers === projects.member ? own['images'] : others['images'];
  const server = { name: 'failing', imageRef, flavorRef: 'f1', networks: [] };
  const { body } = await fixture.ask({ method: 'POST', url: servers, headers, payload: { server } });
  await fixture.quiet();
  return body.server.id;
}

async function consoleOf(id: string, headers = projects.member, length?: number) {
  const payload = { 'os-getConsoleOutput': length === undefined ? {} : { length } };
  const { status, body } = await projects.fixture.ask({ method: 'POST', url: `${servers}/${id}/action`, headers, payload });
  return { status, output: body.output as string | undefined };
}

const detailsOf = async (id: string, headers?: Readonly<Record<string, string>>) => {
  const { body } = await projects.fixture.ask({ url: `${servers}/${id}`, ...(headers && { headers }) });
  return body.server.fault.details as string;
};

test('the owner reads the console of a failed deployment after the node has another server', async () => {
  const first = await aFailedServer('one\nkernel: ingot.token=op.secret\nKernel panic\n');
  projects.fixture.consoles.set(node, 'cleaning of others\n');
  const second = await aFailedServer('of another project\n', otherProject);

  assert.deepEqual(await consoleOf(first), { status: 200, output: 'one\nkernel: ingot.token=***\nKernel panic\n' });
  assert.deepEqual(await consoleOf(first, projects.member, 1), { status: 200, output: 'Kernel panic\n' });
  assert.deepEqual(await consoleOf(second, otherProject), { status: 200, output: 'of another project\n' });
  assert.equal((await consoleOf(second)).status, 404);
  assert.equal((await consoleOf(first, otherProject)).status, 404);
});

test('the fault and last_error show node and console to administrators, and neither to the owner', async () => {
  const id = await aFailedServer('one\r\n\x1b[31mKernel panic\x1b[m ingot.token=op.secret\r\n');

  const details = await detailsOf(id);
  assert.match(
    details,
    /^Failed in step "Write the image"\.\nNode: [0-9a-f-]{36}\nNo other node was tried: Of .*\.\nThe console ended with:\none\nKernel panic ingot\.token=\*\*\*$/,
  );
  assert.ok(details.includes(node));
  assert.equal(await detailsOf(id, projects.member), 'Failed in step "Write the image".');
  const { body } = await projects.fixture.ask({ url: `/baremetal/v1/nodes/${node}` });
  assert.match(
    body.last_error,
    /^Deploy failed at "Write the image": .*disk on fire\.?\nThe console ended with:\none\nKernel panic ingot\.token=\*\*\*$/,
  );
  const reported = await projects.fixture.ask({ url: `/compute/v2.1/servers/${id}/os-ingot-events`, headers: projects.member });
  assert.doesNotMatch(JSON.stringify(reported.body), /Kernel panic|disk on fire/);
});

test('a server without a machine or a console record has no console log', async () => {
  const silent = await aFailedServer('');
  assert.equal((await consoleOf(silent)).status, 409);
  await projects.fixture.engine.setMaintenance(node, true);
  const homeless = await aFailedServer('never printed\n');
  await projects.fixture.engine.setMaintenance(node, false);
  assert.equal((await consoleOf(homeless)).status, 409);
});

test('deletes the kept console with the server', async () => {
  const id = await aFailedServer('one\n');
  await projects.fixture.ask({ method: 'DELETE', url: `${servers}/${id}`, headers: projects.member });
  assert.equal((await projects.fixture.store.servers.find({ id }))?.console_log, null);
  assert.equal((await consoleOf(id)).status, 404);
});
