/**
 * Ingot dies by SIGKILL before and after every step that a BMC does by itself, and at each request that changes something
 * there: before the BMC has it, or when it was carried out and the answer is on its way. The BMC is a process of its own
 * and goes on; Ingot is started again each time.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GateMoment } from '#test/crash/answer-gate.ts';
import type { RackMachine } from '#test/crash/cardboard-rack.ts';
import { expectKilledEverywhere, expectNothingLeft } from '#test/crash/crash-expectations.ts';
import { type CrashStage, openCrashStage } from '#test/crash/crash-stage.ts';

const isRoot = process.getuid?.() === 0;
const options = { ...(!isRoot && { skip: 'network namespaces need root' }) };
const timeout = 600_000;

const updateService = 'POST /redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate';
const update = {
  interface: 'firmware',
  step: 'update',
  args: { settings: [{ component: 'NIC', url: 'http://192.0.2.1/nic-23.0.1.bin' }] },
};
const settings = [{ name: 'NumaNodesPerSocket', value: 2 }];
const steps = [
  { interface: 'bios', step: 'factory_reset' },
  { interface: 'bios', step: 'apply_configuration', args: { settings } },
  update,
  { interface: 'management', step: 'reset_bmc' },
  { interface: 'management', step: 'clear_log' },
];

/** Kills Ingot at the moments that `isFatal` names, each once; counts what the BMC was asked for. */
function killAt(stage: CrashStage, machine: RackMachine, isFatal: (moment: GateMoment) => boolean) {
  const known = new Set<string>();
  const carriedOut: string[] = [];
  machine.onChange = async (moment) => {
    const name = `${moment.when} ${moment.request}`;
    if (moment.when === 'after') carriedOut.push(moment.request);
    if (known.has(name) || !isFatal(moment)) return 'pass';
    known.add(name);
    const { pid } = stage.ingot;
    if (pid) process.kill(pid, 'SIGKILL');
    return 'drop';
  };
  return { known, times: (request: string) => carriedOut.filter((each) => each === request).length };
}

async function clean(stage: CrashStage, node: string, clean_steps: object[]) {
  const path = `/nodes/${node}/states/provision`;
  await stage.ingot.ask(async () => {
    const { provision_state } = await stage.node(node);
    if (provision_state === 'manageable')
      await stage.cloud.bareMetal(path, { method: 'PUT', body: { target: 'clean', clean_steps } });
  });
  return stage.untilNode(node, ({ reservation }) => reservation === null);
}

describe('killed at every step that a BMC does by itself', options, () => {
  test('cleaning by the BMC', { timeout }, async (t) => {
    const stage = await openCrashStage({ name: 'crash-bmc', crashKinds: ['clean'] });
    t.after(() => stage.close());
    const machine = stage.rack.machines[0]!;
    const node = await stage.enrolByRedfish(machine);
    const kills = killAt(stage, machine, ({ when }) => when === 'after');

    const cleaned = await clean(stage, node, steps);
    assert.deepEqual(
      [cleaned.provision_state, cleaned.maintenance, cleaned.fault, cleaned.last_error],
      ['manageable', false, null, null],
    );
    assert.equal(kills.times(updateService), 1, 'firmware is sent once');
    t.diagnostic([...kills.known].join('\n'));
    const powers = machine.news.flatMap((news) => (news.what === 'power' ? [news.state] : []));
    assert.deepEqual(powers, ['on', 'off', 'on', 'off'], 'each power change was made once');

    const store = await stage.openDatabase();
    await expectKilledEverywhere(stage, store, { kind: 'clean' });
    await expectNothingLeft(stage);
    t.diagnostic(`killed ${stage.ingot.deaths} times`);
  });
});
