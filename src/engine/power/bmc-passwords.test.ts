import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { Drivers, NodeFacts } from '#drivers/interfaces.ts';
import { anAvailableNode, testCloud } from '#test/a-cloud.ts';
import { NodeReservations } from '../nodes/node-reservations.ts';
import { BmcPasswords } from './bmc-passwords.ts';

const refusal = new Fault('bmcRefused', { address: '192.0.2.7', detail: 'wrong password' });
const silence = new Fault('bmcUnreachable', { address: '192.0.2.7', attempts: 1, seconds: 15, detail: 'silence' });
const weak = new Fault('badRequest', { detail: 'too short' });

type Bmc = { password: string; silent?: boolean; change?: (password: string) => void };

async function aFixture(t: TestContext, bmc: Bmc, info: Record<string, string> = {}) {
  const cloud = await testCloud();
  const { uuid } = await anAvailableNode(cloud, 'n1');
  const { store } = cloud;
  t.after(() => store.close());
  await store.nodes.update({ uuid }, { management_interface: 'ipmi', driver_info: { ipmi_password: 'old', ...info } });
  const tried: unknown[] = [];
  const ask = ({ driver_info }: NodeFacts) => {
    tried.push(driver_info['ipmi_password']);
    if (bmc.silent) throw silence;
    if (driver_info['ipmi_password'] !== bmc.password) throw refusal;
  };
  const management = {
    async getBootDevice(facts: NodeFacts) {
      ask(facts);
      return { device: null, persistent: null };
    },
    async changePassword(facts: NodeFacts, password: string) {
      ask(facts);
      if (bmc.change) return bmc.change(password);
      bmc.password = password;
    },
  };
  const changed: string[] = [];
  const drivers = { management: { ipmi: management } } as unknown as Drivers;
  const passwords = new BmcPasswords({
    store,
    drivers,
    reservations: new NodeReservations(store),
    changed: async (uuid) => void changed.push(uuid),
  });
  t.after(() => passwords.stop());
  const stored = async () => (await store.nodes.find({ uuid }))?.driver_info;
  return { store, uuid, bmc, passwords, tried, changed, stored };
}

test('stores a new password, and forgets what was learned with the old one', async (t) => {
  const { uuid, passwords, stored, changed, bmc } = await aFixture(t, { password: 'old' });
  await passwords.rotate(uuid, 'new');
  assert.deepEqual([await stored(), bmc.password, changed], [{ ipmi_password: 'new' }, 'new', [uuid]]);
});

test('keeps the old password if the BMC rejects the new one', async (t) => {
  const change = () => {
    throw weak;
  };
  const { uuid, passwords, stored } = await aFixture(t, { password: 'old', change });
  await assert.rejects(passwords.rotate(uuid, 'x'), weak);
  assert.deepEqual(await stored(), { ipmi_password: 'old' });
});

test('finds the valid password if the reply to the change is lost', async (t) => {
  for (const isTaken of [true, false]) {
    const bmc: Bmc = { password: 'old' };
    bmc.change = (password) => {
      if (isTaken) bmc.password = password;
      throw silence;
    };
    const { uuid, passwords, stored } = await aFixture(t, bmc);
    const rotated = passwords.rotate(uuid, 'new');
    await (isTaken ? rotated : assert.rejects(rotated, silence));
    assert.deepEqual(await stored(), { ipmi_password: isTaken ? 'new' : 'old' });
  }
});

test('completes an interrupted password change at the start, trying each password once', async (t) => {
  for (const password of ['new', 'old']) {
    const fixture = await aFixture(t, { password }, { next_ipmi_password: 'new' });
    const { store, uuid, passwords, stored, tried } = fixture;
    await passwords.start();
    assert.deepEqual(await stored(), { ipmi_password: password });
    assert.deepEqual(tried, password === 'new' ? ['new'] : ['new', 'old']);
    const [event] = await store.events.list({ node_uuid: uuid });
    assert.equal(event?.message, `a password change was interrupted; the BMC accepts the ${password} one`);
  }
});

test('an interrupted change reserves its node until the start has looked into it, whether the BMC answers or not', async (t) => {
  for (const silent of [false, true]) {
    const { store, uuid, passwords, stored } = await aFixture(t, { password: 'new', silent }, { next_ipmi_password: 'new' });
    const deadline_at = '2126-01-01T00:00:00.000Z';
    await store.node_reservations.insert({ node_uuid: uuid, owner: 'a former process', purpose: 'a change', deadline_at });

    await assert.rejects(passwords.rotate(uuid, 'third'), { code: 'nodeBusy', message: /a change/ });
    await passwords.start();

    assert.deepEqual(await store.node_reservations.list(), []);
    assert.deepEqual(await stored(), silent ? { ipmi_password: 'old', next_ipmi_password: 'new' } : { ipmi_password: 'new' });
  }
});

test('rejects a third password while it is unknown which of two is valid', async (t) => {
  for (const bmc of [{ password: 'new', silent: true }, { password: 'other' }]) {
    const { uuid, passwords, stored } = await aFixture(t, bmc, { next_ipmi_password: 'new' });
    await assert.rejects(passwords.rotate(uuid, 'third'), { code: 'conflict', message: /interrupted/ });
    assert.deepEqual(await stored(), { ipmi_password: 'old', next_ipmi_password: 'new' });
  }
});

test('rejects a second change while one is running', async (t) => {
  const { uuid, passwords } = await aFixture(t, { password: 'old' });
  const first = passwords.rotate(uuid, 'one');
  await assert.rejects(passwords.rotate(uuid, 'two'), { code: 'nodeBusy', message: /a BMC password change/ });
  await first;
});

test('keeps settings written during a change, and lets the BMC decide which password is valid', async (t) => {
  for (const taken of ['new', 'operator']) {
    const bmc: Bmc = { password: 'old' };
    const fixture = await aFixture(t, bmc);
    const { store, uuid, passwords, stored } = fixture;
    bmc.change = () => {
      bmc.password = taken;
      void store.nodes.update({ uuid }, { driver_info: { ipmi_password: 'operator', ipmi_port: 6230 } });
    };
    await passwords.rotate(uuid, 'new');
    assert.deepEqual(await stored(), { ipmi_password: taken, ipmi_port: 6230 });
  }
});
