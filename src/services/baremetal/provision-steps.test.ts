import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aStore } from '#test/a-store.ts';
import { aNode } from '#test/a-task.ts';
import { readProvisionSteps } from './provision-steps.ts';

const any = () => {};
const rights = { arbitrary: any, steps: any, runbook: any, onChild: any };

/** What a runbook with these traits gives a node with the trait CUSTOM_A. */
async function usedBy(traits: string[], minor: number) {
  const store = await aStore();
  try {
    const step = { interface: 'power', args: {} };
    const steps = [
      { ...step, step: 'reboot', order: 10 },
      { ...step, step: 'hold', order: 9 },
    ];
    await store.runbooks.insert({
      ...{ uuid: '22222222-2222-4222-8222-222222222222', name: 'CUSTOM_B', description: null, steps, traits },
      ...{ disable_ramdisk: true, public: false, owner: null, extra: {}, created_at: '', updated_at: null },
    });
    const { runbook } = readProvisionSteps({ verb: 'clean', given: { target: 'clean', runbook: 'CUSTOM_B' }, minor, rights });
    return await runbook?.(aNode({ traits: ['CUSTOM_A'] }), store);
  } finally {
    await store.close();
  }
}

test('since 1.112 a runbook is for nodes with one of its traits, and its steps come in their order', async () => {
  const used = await usedBy(['CUSTOM_A', 'CUSTOM_C'], 112);
  assert.deepEqual(
    (used?.steps ?? []).map((each) => 'step' in each && each.step),
    ['hold', 'reboot'],
  );
  assert.equal(used?.disable_ramdisk, true);
  await assert.rejects(usedBy(['CUSTOM_C'], 112), { code: 'badRequest', message: /any of the runbook's traits \['CUSTOM_C'\]/ });
  await assert.rejects(usedBy([], 112), { code: 'badRequest', message: /has no traits configured/ });
});

test('before 1.112 a runbook is for nodes with the trait of its name', async () => {
  await assert.rejects(usedBy(['CUSTOM_A'], 111), { code: 'badRequest', message: /has not been approved for use on this node/ });
});
