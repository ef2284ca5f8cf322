/** Projects in projects: what may be made, shown, disabled and deleted; and their tags. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiFixture, openApiFixture } from '#test/api-fixture.ts';
import { identityOf } from '#test/identity-requests.ts';

let fixture: ApiFixture;
let identity: ReturnType<typeof identityOf>;
before(async () => {
  fixture = await openApiFixture();
  identity = identityOf(fixture);
});
after(() => fixture.close());

/** A line of projects, each in the one before. */
async function aLine(name: string, length: number): Promise<string[]> {
  const ids: string[] = [];
  for (let level = 0; level < length; level++)
    ids.push(await identity.aProject(`${name}-${level}`, level === 0 ? {} : { parent_id: ids.at(-1) }));
  return ids;
}

test('a tree is at most five projects deep', async () => {
  const ids = await aLine('deep', 5);
  const sixth = await identity.ask('POST', 'projects', { project: { name: 'sixth', parent_id: ids[4] } });
  assert.deepEqual([sixth.status, sixth.body.error.message], [403, `Max hierarchy depth reached for ${ids[4]} branch.`]);
  const { project } = await identity.send('GET', `projects/${ids[1]}`);
  assert.deepEqual([project.parent_id, project.domain_id], [ids[0], 'default']);
});

test('the projects above and below are shown as nested ids, and as lists of those that the user may use', async () => {
  const [top = '', middle = '', bottom = ''] = await aLine('family', 3);
  const other = await identity.aProject('family-other', { parent_id: top });
  const user = await identity.aUser('member');
  for (const id of [top, middle]) await identity.send('PUT', `projects/${id}/users/${user}/roles/member`);
  const token = await identity.tokenOf(user, { project: { id: middle } });

  const ids = await identity.send('GET', `projects/${bottom}?parents_as_ids&subtree_as_ids`);
  assert.deepEqual(ids.project.parents, { [middle]: { [top]: { default: null } } });
  assert.equal(ids.project.subtree, null);
  const below = await identity.send('GET', `projects/${top}?subtree_as_ids`);
  assert.deepEqual(below.project.subtree, { [middle]: { [bottom]: null }, [other]: null });
  const lists = await identity.send('GET', `projects/${middle}?parents_as_list&subtree_as_list`, undefined, token);
  const idsOf = (list: { project: { id: string } }[]) => list.map(({ project }) => project.id);
  assert.deepEqual([idsOf(lists.project.parents), idsOf(lists.project.subtree)], [[top], []]);
  const both = await identity.messageOf('GET', `projects/${top}?parents_as_list&parents_as_ids`);
  assert.equal(both, 'Cannot use parents_as_list and parents_as_ids query params at the same time.');
});

test('a parent is in the same domain, and stays', async () => {
  const domain_id = await identity.aDomain('elsewhere');
  const [parent = ''] = await aLine('stays', 1);
  const foreign = { name: 'foreign', domain_id, parent_id: parent };

  assert.equal(await identity.statusOf('POST', 'projects', { project: foreign }), 400);
  assert.equal(await identity.statusOf('POST', 'projects', { project: { name: 'x', parent_id: domain_id } }), 400);
  assert.equal(await identity.statusOf('POST', 'projects', { project: { name: 'x', parent_id: 'none' } }), 400);
  assert.equal(await identity.statusOf('POST', 'projects', { project: { name: 'x', domain_id: 'none' } }), 400);
  const moved = await identity.ask('PATCH', `projects/${parent}`, { project: { parent_id: parent } });
  assert.deepEqual([moved.status, moved.body.error.message], [403, 'Update of `parent_id` is not allowed.']);
});

test('a project is disabled after those below it, and enabled after those above', async () => {
  const [top = '', below = ''] = await aLine('switched', 2);
  const set = (id: string, enabled: boolean) => identity.ask('PATCH', `projects/${id}`, { project: { enabled } });

  const early = await set(top, false);
  assert.equal(early.body.error.message, `Cannot disable project ${top} since its subtree contains enabled projects.`);
  assert.equal((await set(below, false)).status, 200);
  assert.equal((await set(top, false)).status, 200);
  assert.equal((await set(below, true)).body.error.message, `Cannot enable project ${below} since it has disabled parents`);
  const made = await identity.ask('POST', 'projects', { project: { name: 'new', parent_id: top } });
  assert.deepEqual(
    [made.status, made.body.error.message],
    [400, `cannot create a project in a branch containing a disabled project: ${top}`],
  );
  assert.equal((await set(top, true)).status, 200);
});

test('a disabled project gives no tokens, and former ones stay void', async () => {
  const [project = ''] = await aLine('tokens', 1);
  const user = await identity.aUser('u');
  await identity.send('PUT', `projects/${project}/users/${user}/roles/member`);
  const scope = { project: { id: project } };
  const token = await identity.tokenOf(user, scope);
  assert.deepEqual(await identity.rolesOf(token), ['member', 'reader']);

  await identity.send('PATCH', `projects/${project}`, { project: { enabled: false } });
  assert.deepEqual([await identity.rolesOf(token), (await identity.logIn(user, scope)).status], [undefined, 401]);
  const unscoped = await identity.tokenOf(user, 'unscoped');
  assert.deepEqual((await identity.send('GET', 'auth/projects', undefined, unscoped)).projects, []);
  await identity.send('PATCH', `projects/${project}`, { project: { enabled: true } });

  assert.equal(await identity.rolesOf(token), undefined);
  assert.equal((await identity.logIn(user, scope)).status, 201);
});

test('only a project without others in it is deleted', async () => {
  const [top = '', below = ''] = await aLine('leaf', 2);
  const refused = await identity.ask('DELETE', `projects/${top}`);
  assert.equal(refused.status, 403);
  assert.match(refused.body.error.message, /^Cannot delete the project \w+ since it is not a leaf in the hierarchy\./);
  await identity.send('DELETE', `projects/${below}`);
  await identity.send('DELETE', `projects/${top}`);
});

test('a project is not deleted while another is made in it', async () => {
  const top = await identity.aProject('raced');
  const [made, deleted] = await Promise.all([
    identity.ask('POST', 'projects', { project: { name: 'raced-below', parent_id: top } }),
    identity.ask('DELETE', `projects/${top}`),
  ]);
  const isMade = made.status === 201;
  assert.deepEqual([made.status, deleted.status], isMade ? [201, 403] : [400, 204]);
});

test('projects are found by their tags', async () => {
  const domain_id = await identity.aDomain('tagged');
  const tags: Record<string, string[]> = { both: ['x', 'y'], one: ['x'], none: [] };
  for (const [name, own] of Object.entries(tags)) await identity.aProject(name, { domain_id, tags: own });
  const find = async (query: string) => {
    const { projects } = await identity.send('GET', `projects?domain_id=${domain_id}&${query}`);
    return projects.map(({ name }: { name: string }) => name);
  };

  assert.deepEqual(await find('tags=x,y'), ['both']);
  assert.deepEqual(await find('tags-any=x,y'), ['both', 'one']);
  assert.deepEqual(await find('not-tags=x,y'), ['none', 'one']);
  assert.deepEqual(await find('not-tags-any=x,y'), ['none']);
  const many = Array.from({ length: 81 }, (_, index) => index).join(',');
  assert.equal(await identity.statusOf('GET', `projects?tags=${many}`), 400);
});

test('tags are added, replaced and removed, at most 80', async () => {
  const project = await identity.aProject('labelled');
  const path = `projects/${project}/tags`;
  const added = await identity.ask('PUT', `${path}/blue`);
  assert.equal(added.status, 201);
  assert.match(String(added.headers['location']), new RegExp(`/identity/v3/${path}/blue$`));
  assert.equal(await identity.statusOf('GET', `${path}/blue`), 204);
  assert.equal(await identity.messageOf('GET', `${path}/red`), 'Could not find project tag: red.');
  await Promise.all(['a', 'b', 'c'].map((tag) => identity.send('PUT', `${path}/${tag}`)));
  assert.deepEqual((await identity.send('GET', path)).tags.toSorted(), ['a', 'b', 'blue', 'c']);
  const most = Array.from({ length: 80 }, (_, index) => `t${index}`);
  assert.deepEqual((await identity.send('PUT', path, { tags: most })).tags, most);
  assert.equal(await identity.statusOf('PUT', `${path}/more`), 400);
  assert.equal(await identity.statusOf('PUT', path, { tags: [...most, 'more'] }), 400);
  assert.equal(await identity.statusOf('PUT', path, { tags: ['a/b'] }), 400);
  await identity.send('DELETE', `${path}/t1`);
  assert.equal(await identity.statusOf('DELETE', `${path}/t1`), 404);
  await identity.send('DELETE', path);
  assert.deepEqual((await identity.send('GET', `projects/${project}`)).project.tags, []);
});
