/** A check of the policy file is asked about each network, subnet and port that a reply shows. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openApiFixture } from '#test/api-fixture.ts';
import { createPersonas } from '#test/personas.ts';

const folder = mkdtempSync(join(tmpdir(), 'ingot-network-policies-'));
const file = join(folder, 'policy.json');
const own = 'rule:admin_only or role:reader and project_id:%(project_id)s';
const named = 'rule:admin_only or role:reader and (not field:ports:name=hidden)';
writeFileSync(file, JSON.stringify({ get_network: own, get_subnet: own, get_port: named }));
const fixture = await openApiFixture({ settings: { 'policy.file': file } });
after(async () => {
  await fixture.close();
  rmSync(folder, { recursive: true });
});
const member = (await createPersonas(fixture)).find(({ name }) => name === 'member of the project');
const { headers = {} } = member ?? {};
const base = '/network/v2.0';

async function make(path: string, payload: object, as?: typeof headers) {
  const reply = await fixture.ask({ method: 'POST', url: `${base}/${path}`, payload, ...(as && { headers: as }) });
  assert.equal(reply.status, 201, JSON.stringify(reply.body));
  return Object.values(reply.body as Record<string, { id: string }>)[0]?.id ?? '';
}

const shared = await make('networks', { network: { name: 'shared', shared: true } });
const mine = await make('networks', { network: { name: 'mine' } }, headers);
const ids = {
  networks: { hidden: shared, shown: mine },
  subnets: {
    hidden: await make('subnets', { subnet: { network_id: shared, ip_version: 4, cidr: '10.1.0.0/24' } }),
    shown: await make('subnets', { subnet: { network_id: mine, ip_version: 4, cidr: '10.2.0.0/24' } }, headers),
  },
  ports: {
    hidden: await make('ports', { port: { network_id: mine, name: 'hidden' } }, headers),
    shown: await make('ports', { port: { network_id: mine, name: 'p' } }, headers),
  },
};

for (const [noun, { hidden, shown }] of Object.entries(ids))
  test(`${noun} that a check of the policy file hides do not exist`, async () => {
    const list = await fixture.ask({ url: `${base}/${noun}`, headers });
    const found = (list.body[noun] as { id: string }[]).map(({ id }) => id);

    assert.deepEqual(found, [shown]);
    assert.equal((await fixture.ask({ url: `${base}/${noun}/${hidden}`, headers })).status, 404);
    assert.equal((await fixture.ask({ url: `${base}/${noun}/${shown}`, headers })).status, 200);
    assert.equal((await fixture.ask({ url: `${base}/${noun}/${hidden}` })).status, 200, 'an administrator');
  });
