/** The referee: what the unmodified `openstack` client shows a member of servers that failed and of names that paint. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openTwoProjects, type TwoProjects } from '#test/two-projects.ts';
import { openstack, openstackJson, withoutClient as skip } from './openstack.ts';

let projects: TwoProjects;
let admin: NodeJS.ProcessEnv;
let mallory: NodeJS.ProcessEnv;
before(async () => {
  projects = await openTwoProjects();
  ({ env: admin } = await projects.stage.listen());
  mallory = { ...admin, OS_USERNAME: 'mallory', OS_PASSWORD: 'a long password', OS_PROJECT_NAME: 'mallory' };
});
after(() => projects.stage.close());

test('a server without a host tells its owner the plain sentence, and the administrator the reasons', { skip }, async () => {
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

test("another project's records are to the client what records that do not exist are", { skip }, async () => {
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

test('a name that would paint in the terminal of whoever lists it is refused', { skip }, async () => {
  await assert.rejects(openstack(mallory, ['network', 'create', 'a\u001b]0;owned\u0007']), /must not contain control characters/);

  assert.doesNotMatch(await openstack(admin, ['network', 'list']), /owned/);
});
