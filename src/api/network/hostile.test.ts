/** Requests that are meant to hurt the network service, or to reach what belongs to others. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { aFreeNode, openTwoProjects } from '#test/two-projects.ts';

const { fixture, member, own, others } = await openTwoProjects();
after(() => fixture.close());
const base = '/network/v2.0';

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
const ask = (method: Method, path: string, payload?: object, headers: object = member) =>
  fixture.ask({ method, url: `${base}${path}`, headers: { ...headers }, ...(payload && { payload }) });

test('long filters are answered', async () => {
  const many = (count: number, of: (index: number) => string) => Array.from({ length: count }, (_, index) => of(index));
  const queries = [
    ['networks', `tags=${many(1500, (index) => `t${index}`).join(',')}`],
    ['networks', `not-tags=${many(1500, (index) => `t${index}`).join(',')}`],
    ['ports', `tags-any=${many(1500, (index) => `t${index}`).join(',')}`],
    ['security-groups', many(1200, (index) => `id=${index}`).join('&')],
    ['security-group-rules', many(900, (index) => `port_range_min=${index}`).join('&')],
    ['rbac-policies', many(900, (index) => `object_id=${index}`).join('&')],
  ] as const;
  for (const [plural, query] of queries) {
    const { status, body } = await ask('GET', `/${plural}?${query}`);
    assert.equal(status, 200, `${plural} ${query.slice(0, 20)}: ${JSON.stringify(body).slice(0, 200)}`);
  }
  assert.equal((await ask('GET', `/networks?tags=${many(60, String).join(',')}`)).body.networks.length, 0);
  assert.equal((await ask('GET', `/networks?not-tags=${many(60, String).join(',')}`)).body.networks.length, 1);
});

test('the filters of lists reveal nothing of other projects', async () => {
  for (const [plural, fields] of [
    ['security-groups', ['id', 'name', 'project_id']],
    ['security-group-rules', ['id', 'security_group_id', 'project_id']],
    ['address-groups', ['id', 'name', 'project_id']],
    ['address-scopes', ['id', 'name', 'project_id']],
    ['subnetpools', ['id', 'name', 'project_id']],
    ['qos/policies', ['id', 'name', 'project_id']],
    ['rbac-policies', ['id', 'object_id', 'project_id']],
  ] as const) {
    const key = plural.replace('qos/', '');
    const name = key.replaceAll('-', '_');
    const [theirs] = (await ask('GET', `/${plural}?id=${others[key]}`, undefined, {})).body[name];
    for (const field of fields) {
      const { body } = await ask('GET', `/${plural}?${field}=${theirs[field]}`);
      assert.ok(!body[name].some(({ id }: { id: string }) => id === theirs.id), `${plural} by ${field}`);
    }
    assert.equal((await ask('GET', `/${plural}?marker=${theirs.id}`)).status, 400);
  }
});

test('a first look at another project makes nothing there', async () => {
  const project = (await fixture.ask({ method: 'POST', url: '/identity/v3/projects', payload: { project: { name: 'quiet' } } }))
    .body.project;
  await ask('GET', `/security-groups?project_id=${project.id}`);
  assert.equal(await fixture.store.security_groups.count({ project_id: project.id }), 0);
  await ask('GET', '/security-groups?project_id=no-project', undefined, {});
  assert.equal(await fixture.store.security_groups.count({ project_id: 'no-project' }), 0);
  await ask('GET', `/security-groups?project_id=${project.id}`, undefined, {});
  assert.equal(await fixture.store.security_groups.count({ project_id: project.id }), 1);
  await fixture.ask({ method: 'DELETE', url: `/identity/v3/projects/${project.id}` });
  assert.equal(await fixture.store.security_groups.count({ project_id: project.id }), 0);
});

test('access that is taken back while a port is made leaves no port behind', async () => {
  const victim = { 'x-auth-token': await fixture.logIn('victim', 'a long password', 'victim') };
  const policy = { object_type: 'network', object_id: others['networks'], action: 'access_as_shared' };
  for (let round = 0; round < 5; round++) {
    const shared = await ask('POST', '/rbac-policies', { rbac_policy: { ...policy, target_tenant: own['projects'] } }, victim);
    const [made, revoked] = await Promise.all([
      ask('POST', '/ports', { port: { network_id: others['networks'] } }),
      ask('DELETE', `/rbac-policies/${shared.body.rbac_policy.id}`, undefined, victim),
    ]);
    assert.ok(made.status === 201 ? revoked.status === 409 : revoked.status === 204, `${made.status} ${revoked.status}`);
    if (made.status === 201) await ask('DELETE', `/ports/${made.body.port.id}`);
    if (revoked.status !== 204) await ask('DELETE', `/rbac-policies/${shared.body.rbac_policy.id}`, undefined, victim);
  }
});

test('a group that is deleted while a port gets it is not left on the port', async () => {
  await ask('PUT', `/ports/${own['ports']}`, { port: { fixed_ips: [{ subnet_id: own['subnets'] }] } });
  for (let round = 0; round < 5; round++) {
    const { security_group } = (await ask('POST', '/security-groups', { security_group: { name: 'short' } })).body;
    const [set, removed] = await Promise.all([
      ask('PUT', `/ports/${own['ports']}`, { port: { security_groups: [security_group.id] } }),
      ask('DELETE', `/security-groups/${security_group.id}`),
    ]);
    assert.ok(set.status === 200 ? removed.status === 409 : removed.status === 204, `${set.status} ${removed.status}`);
    await ask('PUT', `/ports/${own['ports']}`, { port: { security_groups: [] } });
    await ask('DELETE', `/security-groups/${security_group.id}`);
  }
});

test('a server can ask for the default group with others, before its project has one', async () => {
  await fixture.store.ports.update({ id: own['ports'] ?? '' }, { security_groups: [] });
  await fixture.store.security_groups.remove({ default_of: own['projects'] ?? '' });
  await aFreeNode(fixture);
  const server = { name: 's', imageRef: own['images'], flavorRef: 'f1', networks: [{ uuid: own['networks'] }] };
  const groups = [{ name: 'default' }, { name: 'mallory' }];
  const payload = { server: { ...server, security_groups: groups } };
  const { status, body } = await fixture.ask({ method: 'POST', url: '/compute/v2.1/servers', headers: member, payload });
  await fixture.quiet();
  assert.equal(status, 202, JSON.stringify(body));
  const shown = await fixture.ask({ url: `/compute/v2.1/servers/${body.server.id}`, headers: member });
  assert.deepEqual(shown.body.server.security_groups, groups);
});
