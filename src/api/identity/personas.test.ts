import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openApiFixture } from '#test/api-fixture.ts';
import { createPersonas } from '#test/personas.ts';

test('a token of each persona has its role and the implied ones, in its scope alone', async (t) => {
  const fixture = await openApiFixture();
  t.after(() => fixture.close());
  const line = ['admin', 'manager', 'member', 'reader'];

  for (const { name, headers, project_id } of await createPersonas(fixture)) {
    const subject = { 'x-subject-token': headers['x-auth-token'] ?? '' };
    const { status, body } = await fixture.ask({ url: '/identity/v3/auth/tokens', headers: { ...headers, ...subject } });
    if (name === 'nobody') {
      assert.equal(status, 401);
      continue;
    }
    const [role = ''] = name.split(' of the ');
    const roles = (body.token.roles ?? []).map((each: { name: string }) => each.name);
    const expected = role === 'service' ? ['service'] : line.slice(line.indexOf(role));
    assert.deepEqual(roles, name === 'unscoped' ? [] : expected, name);
    assert.equal(body.token.project?.id ?? '', project_id, name);
    assert.deepEqual([Boolean(body.token.system), Boolean(body.token.domain)], [/system/.test(name), /domain/.test(name)]);
  }
});
