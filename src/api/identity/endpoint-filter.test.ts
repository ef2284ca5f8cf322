/** Endpoint groups, associations with projects, and their effect on the catalogue of a token. */
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

const base = 'OS-EP-FILTER';

async function aProjectWithMember(name: string) {
  const [user, project] = [await identity.aUser(name), await identity.aProject(name)];
  await identity.send('PUT', `projects/${project}/users/${user}/roles/member`);
  const token = await identity.tokenOf(user, { project: { id: project } });
  type Entry = { endpoints: { id: string }[] };
  const shown = async () => {
    const { catalog } = await identity.send('GET', 'auth/catalog', undefined, token);
    return (catalog as Entry[]).flatMap(({ endpoints }) => endpoints.map(({ id }) => id));
  };
  return { project, shown };
}

const aGroup = async (name: string, filters: object) =>
  (await identity.send('POST', `${base}/endpoint_groups`, { endpoint_group: { name, filters } })).endpoint_group;

async function anEndpoint(fields: object = {}): Promise<{ id: string; service: string }> {
  const { service } = await identity.send('POST', 'services', { service: { type: 'object-store' } });
  const endpoint = { service_id: service.id, interface: 'public', url: 'http://swift/v1', ...fields };
  return { id: (await identity.send('POST', 'endpoints', { endpoint })).endpoint.id, service: service.id };
}

test('a project with associations sees these endpoints alone, and no service without one', async () => {
  const { project, shown } = await aProjectWithMember('filtered');
  const all = await shown();
  const { id } = await anEndpoint();
  const path = `${base}/projects/${project}/endpoints`;
  await identity.send('PUT', `${path}/${id}`);
  await identity.send('PUT', `${path}/identity-public`);
  const group = await aGroup('of compute', { service_id: 'compute', interface: 'internal' });
  await identity.send('PUT', `${base}/endpoint_groups/${group.id}/projects/${project}`);

  assert.deepEqual((await shown()).sort(), ['compute-internal', id, 'identity-public'].sort());
  const { endpoints } = await identity.send('GET', path);
  assert.deepEqual(endpoints.map((each: { id: string }) => each.id).sort(), ['compute-internal', id, 'identity-public'].sort());
  await identity.send('PATCH', `${base}/endpoint_groups/${group.id}`, {
    endpoint_group: { filters: { interface: 'admin', service_id: 'image' } },
  });
  assert.ok((await shown()).includes('image-admin'));
  await identity.send('DELETE', `${base}/endpoint_groups/${group.id}`);
  for (const each of [id, 'identity-public']) await identity.send('DELETE', `${path}/${each}`);
  assert.deepEqual(await shown(), [...all, id]);
});

test('a filter that no endpoint passes is none, but one that names disabled endpoints leaves nothing', async () => {
  const { project, shown } = await aProjectWithMember('empty');
  const group = await aGroup('of nothing', { service_id: 'none' });
  await identity.send('PUT', `${base}/endpoint_groups/${group.id}/projects/${project}`);
  assert.ok((await shown()).includes('compute-public'));

  const { id } = await anEndpoint({ enabled: false });
  await identity.send('PUT', `${base}/projects/${project}/endpoints/${id}`);
  assert.deepEqual(await shown(), []);
});

test('associations are listed from both sides, and made and removed once', async () => {
  const { project } = await aProjectWithMember('sides');
  const group = await aGroup('of regions', { region_id: 'RegionOne' });
  const pairs = [
    [`${base}/projects/${project}/endpoints/image-public`, `${base}/endpoints/image-public/projects`],
    [`${base}/endpoint_groups/${group.id}/projects/${project}`, `${base}/endpoint_groups/${group.id}/projects`],
  ] as const;
  for (const [path, list] of pairs) {
    assert.equal(await identity.statusOf('GET', path), 404);
    assert.equal(await identity.statusOf('PUT', path), 204);
    assert.equal(await identity.statusOf('PUT', path), 409);
    assert.ok((await identity.statusOf('GET', path)) < 300);
    const { projects } = await identity.send('GET', list);
    assert.deepEqual(
      projects.map((each: { id: string }) => each.id),
      [project],
    );
  }
  const groups = await identity.send('GET', `${base}/projects/${project}/endpoint_groups`);
  assert.equal(groups.endpoint_groups[0].name, 'of regions');
  assert.equal((await identity.send('GET', `${base}/endpoint_groups/${group.id}/endpoints`)).endpoints.length, 15);
  for (const [path] of pairs) {
    assert.equal(await identity.statusOf('DELETE', path), 204);
    assert.equal(await identity.statusOf('DELETE', path), 404);
  }
});

test('what does not exist is not associated, and a group has filters that endpoints know', async () => {
  const { project } = await aProjectWithMember('unknown');

  for (const path of [
    `projects/${project}/endpoints/none`,
    'projects/none/endpoints/image-public',
    `endpoint_groups/none/projects/${project}`,
  ])
    assert.equal(await identity.statusOf('PUT', `${base}/${path}`), 404, path);
  for (const filters of [{}, { enabled: true }, { interface: 'other' }, { url: 'x' }])
    assert.equal(await identity.statusOf('POST', `${base}/endpoint_groups`, { endpoint_group: { name: 'x', filters } }), 400);
});

test('associations go with their project, endpoint or service', async () => {
  const { project } = await aProjectWithMember('ends');
  const [single, ofService] = [await anEndpoint(), await anEndpoint()];
  for (const { id } of [single, ofService]) await identity.send('PUT', `${base}/projects/${project}/endpoints/${id}`);
  await identity.send('PUT', `${base}/projects/${project}/endpoints/image-public`);
  const left = async () =>
    (await fixture.store.project_endpoints.list({ project_id: project })).map(({ endpoint_id }) => endpoint_id);

  await identity.send('DELETE', `endpoints/${single.id}`);
  await identity.send('DELETE', `services/${ofService.service}`);
  assert.deepEqual(await left(), ['image-public']);
  await identity.send('DELETE', `projects/${project}`);
  assert.deepEqual(await left(), []);
});

test('an endpoint may have more projects than a statement has parameters', async () => {
  const { project } = await aProjectWithMember('many');
  const endpoint_id = 'network-admin';
  const others = Array.from({ length: 33_000 }, (_, number) => ({ endpoint_id, project_id: `gone-${number}` }));
  await fixture.store.project_endpoints.insertAll([...others, { endpoint_id, project_id: project }]);

  const { projects } = await identity.send('GET', `${base}/endpoints/${endpoint_id}/projects`);
  assert.deepEqual(
    projects.map(({ id }: { id: string }) => id),
    [project],
  );
});
