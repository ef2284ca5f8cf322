/** Machines that must never be powered off, as their virtual BMCs see it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startBmc } from '#lab/bmc/bmc.ts';
import { createBmcModel } from '#lab/bmc/create-bmc-model.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { startRedfishService } from '#lab/bmc/redfish/redfish-service.ts';
import { openSite } from './a-site.ts';

const user = { name: 'admin', password: 'password1', privilege: 'administrator' } as const;

/** A machine that counts how often it loses power. */
function aMachine() {
  const chassis = createMemoryChassis('on');
  const lost: string[] = [];
  const counted = {
    ...chassis,
    powerOff: () => void lost.push('off'),
    powerCycle: () => void lost.push('cycle'),
    softOff: () => void lost.push('soft off'),
  };
  return { chassis: counted, lost };
}

type Machine = ReturnType<typeof aMachine>;
const drivers: Record<string, (t: TestContext, machine: Machine) => Promise<object>> = {
  async ipmi(t, { chassis }) {
    const bmc = await startBmc({ address: '127.0.0.1', port: 0, users: [user], chassis });
    t.after(() => bmc.close());
    const { name, password } = user;
    return { ipmi_address: '127.0.0.1', ipmi_port: bmc.port, ipmi_username: name, ipmi_password: password };
  },
  async redfish(t, { chassis }) {
    const redfish = await startRedfishService({
      ...{ address: '127.0.0.1', port: 0 },
      bmcModel: createBmcModel({ chassis, users: [user] }),
    });
    t.after(() => redfish.close());
    return { redfish_address: redfish.url, redfish_username: user.name, redfish_password: user.password };
  },
};

for (const [driver, start] of Object.entries(drivers)) {
  test(`a machine of ${driver} that must not be powered off is only restarted`, async (t) => {
    const machine = aMachine();
    const driver_info = await start(t, machine);
    const site = await openSite(t, { 'power.sync_policy': 'correct', 'deploy.kernel': '/nonexistent' });
    const { status, body } = await site.ask('POST', '/nodes', { name: 'n1', driver, driver_info, disable_power_off: true });
    assert.equal(status, 201);
    const go = async (path: string, target: string) => {
      const reply = await site.ask('PUT', `/nodes/${body.uuid}/states/${path}`, { target });
      await site.settled(body.uuid);
      return reply.status;
    };

    assert.deepEqual([await go('provision', 'manage'), await go('provision', 'adopt')], [202, 202]);
    const adopted = await site.settled(body.uuid);
    assert.deepEqual([adopted.provision_state, adopted.last_error], ['active', null]);
    assert.deepEqual([await go('power', 'power off'), await go('power', 'soft power off')], [409, 409]);
    assert.deepEqual([await go('power', 'rebooting'), await go('power', 'power on')], [202, 202]);
    // Its cleaning fails for want of a ramdisk, before and after which it stays on.
    assert.equal(await go('provision', 'deleted'), 202);

    const { provision_state, power_state } = await site.settled(body.uuid);
    assert.deepEqual([provision_state, power_state, machine.lost], ['clean failed', 'power on', []]);
    assert.ok(machine.chassis.boots.length >= 2, 'it was restarted');
  });
}
