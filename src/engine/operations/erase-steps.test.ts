import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Fault } from '#domain/faults.ts';
import type { ManagementInterface } from '#drivers/interfaces.ts';
import { anAvailableNode, testCloud, untilState } from '#test/a-cloud.ts';

type Media = NonNullable<ManagementInterface['media']>;

/** A node whose cleaning begins, and what its BMC does. */
async function aCleaning(t: TestContext, media: Partial<Media>) {
  const did: string[] = [];
  const slots = [
    { device: 'cdrom' as const, inserted: true, image: 'http://192.0.2.1/config-2.iso' },
    { device: 'floppy' as const, inserted: false, image: null },
  ];
  const management = {
    media: {
      slots: async () => slots,
      insert: async () => {},
      eject: async (_: object, device: string) => void did.push(device),
      ...media,
    },
  };
  const cloud = await testCloud({ management });
  t.after(async () => {
    await cloud.engine.stop();
    await cloud.store.close();
  });
  const { uuid } = await anAvailableNode(cloud, 'n1');
  await cloud.store.nodes.update({ uuid }, { provision_state: 'manageable', must_clean: true });
  cloud.room.bmcFault = (_, command) => {
    if (command === 'power on') did.push(command);
    return undefined;
  };
  await cloud.engine.setProvisionState(uuid, 'provide');
  return { did, until: (state: 'clean wait' | 'clean failed') => untilState(cloud, uuid, state) };
}

test('a cleaning ejects what the former user has inserted, before the machine boots', async (t) => {
  const { did, until } = await aCleaning(t, {});
  await until('clean wait');
  assert.deepEqual(did, ['cdrom', 'power on']);
});

test('a cleaning fails if media cannot be ejected, and goes on if the BMC lists none', async (t) => {
  const refuse = async () => {
    throw new Fault('bmcError', { address: '192.0.2.7', command: 'eject', detail: 'no' });
  };
  const stuck = await aCleaning(t, { eject: refuse });
  assert.match((await stuck.until('clean failed')).last_error ?? '', /Eject virtual media/);
  const silent = await aCleaning(t, { slots: refuse });
  await silent.until('clean wait');
  assert.deepEqual(silent.did, ['power on']);
});
