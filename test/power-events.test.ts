/**
 * Unexpected power changes on BMCs of the lab: reported by BMC events if supported, otherwise found by the next poll.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startBmc } from '#lab/bmc/bmc.ts';
import { createBmcModel } from '#lab/bmc/create-bmc-model.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { startRedfishService } from '#lab/bmc/redfish/redfish-service.ts';
import { openSite, type Site } from './a-site.ts';

const user = { name: 'admin', password: 'secret', privilege: 'administrator' } as const;

async function openBoard(t: TestContext) {
  const chassis = createMemoryChassis('on');
  const bmcModel = createBmcModel({ chassis, users: [user] });
  const folder = mkdtempSync(join(tmpdir(), 'ingot-power-events-'));
  const redfish = await startRedfishService({ address: '127.0.0.1', port: 0, bmcModel, mediaFolder: folder });
  const bmc = await startBmc({ address: '127.0.0.1', port: 0, bmcModel });
  t.after(async () => {
    await Promise.all([redfish.close(), bmc.close()]);
    rmSync(folder, { recursive: true });
  });
  return { bmcModel, redfish, bmc };
}

/** @returns once the node is manageable, which requires a response of its BMC */
async function enrol(site: Site, node: { driver: string; driver_info: object }): Promise<string> {
  const { body } = await site.ask('POST', '/nodes', { name: node.driver, ...node });
  await site.ask('PUT', `/nodes/${body.uuid}/states/provision`, { target: 'manage' });
  const { power_state } = await site.settled(body.uuid);
  assert.equal(power_state, 'power on');
  return body.uuid;
}

/** Waits for an event of the node with this message. */
async function untilReported(site: Site, uuid: string, message: string): Promise<void> {
  const end = AbortSignal.timeout(90_000);
  for (let last = 0; ; end.throwIfAborted()) {
    const { body } = await site.ask('GET', `/nodes/${uuid}/events?after=${last}&wait=5`);
    if (body.events.some((event: { message: string }) => event.message === message)) return;
    last = body.last;
  }
}

test('detects a change on a Redfish BMC by its event, long before the next poll', async (t) => {
  const { bmcModel, redfish } = await openBoard(t);
  const site = await openSite(t, { 'power.sync_interval': '3600' });
  const driver_info = { redfish_address: redfish.url, redfish_username: user.name, redfish_password: user.password };
  const uuid = await enrol(site, { driver: 'redfish', driver_info });
  // Repeated until it is reported: the event stream starts after the first poll, whose time varies.
  const pressing = setInterval(() => void bmcModel.chassis.powerOff(), 500);
  t.after(() => clearInterval(pressing));
  await untilReported(site, uuid, 'was found power off');
  const { body } = await site.ask('GET', `/nodes/${uuid}`);
  assert.equal(body.power_state, 'power off');
});

test('detects a change on an IPMI BMC by the next poll, and corrects it if the policy says so', async (t) => {
  const { bmcModel, bmc } = await openBoard(t);
  const site = await openSite(t, { 'power.sync_interval': '1', 'power.sync_policy': 'correct' });
  const driver_info = {
    ...{ ipmi_address: '127.0.0.1', ipmi_port: bmc.port, ipmi_username: user.name, ipmi_password: user.password },
  };
  const uuid = await enrol(site, { driver: 'ipmi', driver_info });
  await bmcModel.chassis.powerOff();
  await untilReported(site, uuid, 'was found power off; restoring power on as the power sync policy says');
  const { power_state } = await site.settled(uuid);
  assert.equal(power_state, 'power on');
  assert.equal(bmcModel.chassis.power(), 'on');
});
