/** Clients choose keys: names that every object inherits do not exist until they are set. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { openTwoProjects } from '#test/two-projects.ts';

const { fixture, member: headers, own } = await openTwoProjects();
after(() => fixture.close());
const server = `/compute/v2.1/servers/${own['servers']}`;

for (const name of ['constructor', 'toString', '__proto__']) {
  test(`rejects the inherited name ${name}`, async () => {
    const urls = [`${server}/metadata/${name}`, `${server}/ips/${name}`, `/compute/v2.1/flavors/f1/os-extra_specs/${name}`];
    for (const url of urls) assert.equal((await fixture.ask({ url, headers })).status, 404, url);
    const removal = await fixture.ask({ method: 'DELETE', url: `${server}/metadata/${name}`, headers });
    assert.equal(removal.status, 404);
    const list = await fixture.ask({ url: `/network/v2.0/networks?${name}=x`, headers });
    assert.equal(list.status, 400);
  });
}

for (const [payload, text] of [
  ['{"metadata": {"__proto__": {"a": "b"}}}', /No member may be called '__proto__'/],
  ['{"metadata": {"constructor": {"prototype": {}}}}', /'prototype' within a 'constructor'/],
  ['{"metadata": {"a": "b"}', /not valid JSON/],
] as const) {
  test(`rejects a body with its reason: ${payload}`, async () => {
    const json = { ...headers, 'content-type': 'application/json' };
    const { status, body } = await fixture.ask({ method: 'POST', url: `${server}/metadata`, headers: json, payload });

    assert.equal(status, 400);
    assert.match(body.badRequest.message, text);
  });
}
