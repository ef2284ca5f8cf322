/** A power command that hangs: its visible state meanwhile, the response to a second request, and its cancellation. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createBmcModel } from '#lab/bmc/create-bmc-model.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { startRedfishService } from '#lab/bmc/redfish/redfish-service.ts';
import { openSite, type Site } from './a-site.ts';

const user = { name: 'admin', password: 'password1', privilege: 'administrator' } as const;

async function enrol(site: Site, node: object): Promise<string> {
  const { body } = await site.ask('POST', '/nodes', { name: 'n1', ...node });
  await site.ask('PUT', `/nodes/${body.uuid}/states/provision`, { target: 'manage' });
  await site.settled(body.uuid);
  return body.uuid;
}

const power = (site: Site, uuid: string, target: string) => site.ask('PUT', `/nodes/${uuid}/states/power`, { target });

/** The operation on the node, once it waits for the expected event. */
async function untilWaiting(site: Site, uuid: string, expected: RegExp) {
  for (const end = AbortSignal.timeout(60_000); ; end.throwIfAborted()) {
    const { body } = await site.ask('GET', `/nodes/${uuid}`);
    if (expected.test(body.driver_internal_info.operation?.waiting_for)) return body;
    assert.notEqual(body.reservation, null, `it ended: ${body.last_error}`);
    await site.ask('GET', `/nodes/${uuid}/events?after=${Number.MAX_SAFE_INTEGER}&wait=1`);
  }
}

const wrong: Record<string, (t: TestContext) => Promise<{ node: object; hang(): void; heal(): void; waits: RegExp }>> = {
  'a machine that takes no notice': async () => ({
    node: { driver: 'fake-hardware', driver_info: { fake_stuck: 'power on' } },
    hang() {},
    heal() {},
    waits: /^the machine to reach power on; its BMC says power off$/,
  }),
  'a BMC that says nothing any more': async (t) => {
    const bmcModel = createBmcModel({ chassis: createMemoryChassis('off'), users: [user] });
    const redfish = await startRedfishService({ address: '127.0.0.1', port: 0, bmcModel });
    t.after(() => redfish.close());
    const driver_info = { redfish_address: redfish.url, redfish_username: user.name, redfish_password: user.password };
    return {
      node: { driver: 'redfish', driver_info },
      hang: () => redfish.setBmcProfile({ silent: true }),
      heal: () => redfish.setBmcProfile({ silent: false }),
      waits: /^the BMC to answer "power status"$/,
    };
  },
};

for (const [what, prepare] of Object.entries(wrong)) {
  test(`${what}: is shown while it lasts, rejected with the reason, and ended by abort`, async (t) => {
    const { node, hang, heal, waits } = await prepare(t);
    const site = await openSite(t, { 'power.timeout': '600', 'bmc.grace_period': '600', 'power.sync_interval': '0' });
    const uuid = await enrol(site, node);
    hang();
    assert.equal((await power(site, uuid, 'power on')).status, 202);

    const seen = await untilWaiting(site, uuid, waits);
    const { operation } = seen.driver_internal_info;
    assert.deepEqual([seen.target_power_state, operation.step], ['power on', 'power on']);
    assert.ok(Date.parse(operation.deadline_at) > Date.now(), 'it says until when');

    const second = await power(site, uuid, 'power off');
    assert.equal(second.status, 409);
    const reported = JSON.stringify(second.body);
    for (const word of ['power on of node n1', operation.waiting_for.replaceAll('"', ''), operation.deadline_at])
      assert.ok(reported.replaceAll('\\', '').replaceAll('"', '').includes(word), `${word} in ${reported}`);

    assert.equal((await site.ask('PUT', `/nodes/${uuid}/states/provision`, { target: 'abort' })).status, 202);
    const ended = await site.settled(uuid);
    assert.match(ended.last_error, /aborted by an operator/);
    heal();
    assert.equal((await power(site, uuid, 'power off')).status, 202);
    const { power_state, last_error } = await site.settled(uuid);
    assert.deepEqual([power_state, last_error], ['power off', null]);
  });
}
