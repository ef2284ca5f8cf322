/**
 * Ingot dies by SIGKILL before and after every step that runs only on the BMC, and at each changing request to it:
 * before the BMC receives it, or when it was executed and the response is in transit. The BMC is a separate process and
 * continues; Ingot is restarted each time.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GateMoment } from '#test/crash/answer-gate.ts';
import { expectKilledEverywhere, expectNothingLeft } from '#test/crash/crash-expectations.ts';
import { type CrashFixture, openCrashFixture } from '#test/crash/crash-fixture.ts';
import type { RackMachine } from '#test/crash/simulated-rack.ts';

const isRoot = process.getuid?.() === 0;
const options = { concurrency: true, ...(!isRoot && { skip: 'network namespaces need root' }) };
const timeout = 600_000;

const updateService = 'POST /redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate';
const update = {
  interface: 'firmware',
  step: 'update',
  args: { settings: [{ component: 'NIC', url: 'http://192.0.2.1/nic-23.0.1.bin' }] },
};
const newer = { ...update, args: { settings: [{ component: 'NIC', url: 'http://192.0.2.1/nic-23.0.2.bin' }] } };
const settings = [{ name: 'NumaNodesPerSocket', value: 2 }];
const steps = [
  { interface: 'bios', step: 'factory_reset' },
  { interface: 'bios', step: 'apply_configuration', args: { settings } },
  update,
  { interface: 'management', step: 'reset_bmc' },
  { interface: 'management', step: 'clear_log' },
];

/** Kills Ingot at the moments for which `isFatal` is true, each once; counts the requests to the BMC. */
function killAt(fixture: CrashFixture, machine: RackMachine, isFatal: (moment: GateMoment) => boolean) {
  const known = new Set<string>();
  const carriedOut: string[] = [];
  machine.onChange = async (moment) => {
    const name = `${moment.when} ${moment.request}`;
    if (moment.when === 'after') carriedOut.push(moment.request);
    if (known.has(name) || !isFatal(moment)) return 'pass';
    known.add(name);
    const { pid } = fixture.ingot;
    if (pid) process.kill(pid, 'SIGKILL');
    return 'drop';
  };
  return { known, times: (request: string) => carriedOut.filter((each) => each === request).length };
}

async function clean(fixture: CrashFixture, node: string, clean_steps: object[]) {
  const path = `/nodes/${node}/states/provision`;
  await fixture.ingot.ask(async () => {
    const { provision_state } = await fixture.node(node);
    if (provision_state === 'manageable')
      await fixture.cloud.bareMetal(path, { method: 'PUT', body: { target: 'clean', clean_steps } });
  });
  return fixture.untilNode(node, ({ reservation }) => reservation === null);
}

describe('survives a kill at every step that a BMC performs', options, () => {
  test('cleaning by the BMC', { timeout }, async (t) => {
    const fixture = await openCrashFixture({ name: 'crash-bmc', crashKinds: ['clean'] });
    t.after(() => fixture.close());
    const machine = fixture.rack.machines[0]!;
    const node = await fixture.enrolByRedfish(machine);
    const kills = killAt(fixture, machine, ({ when }) => when === 'after');

    const cleaned = await clean(fixture, node, steps);
    assert.deepEqual(
      [cleaned.provision_state, cleaned.maintenance, cleaned.fault, cleaned.last_error],
      ['manageable', false, null, null],
    );
    assert.equal(kills.times(updateService), 1, 'firmware is sent once');
    t.diagnostic([...kills.known].join('\n'));
    const powers = machine.news.flatMap((news) => (news.what === 'power' ? [news.state] : []));
    assert.deepEqual(powers, ['on', 'off', 'on', 'off'], 'each power change was made once');

    await fixture.ingot.ask(async () => {
      const { bios } = await fixture.cloud.bareMetal<{ bios: { name: string; value: unknown }[] }>(`/nodes/${node}/bios`);
      assert.equal(bios.find(({ name }) => name === 'NumaNodesPerSocket')?.value, '2');
    });

    await expectNotSentTwice(fixture, machine, node);

    const store = await fixture.openDatabase();
    await expectKilledEverywhere(fixture, store, { kind: 'clean' });
    assert.deepEqual(
      (await store.nodes.list()).map(({ operation_id }) => operation_id),
      [null],
    );
    await expectNothingLeft(fixture);
    t.diagnostic(`killed ${fixture.ingot.deaths} times`);
  });

  test('a password change, and Secure Boot', { timeout }, async (t) => {
    const fixture = await openCrashFixture({ name: 'crash-bmc-verbs' });
    t.after(() => fixture.close());
    const machine = fixture.rack.machines[0]!;
    const node = await fixture.enrolByRedfish(machine);

    // In sequence: executed without a response, never received, and both once more with the password then valid.
    for (const [when, password, counts] of [
      ['after', 'second-word', 'new'],
      ['before', 'third-word', 'old'],
      ['after', 'fourth-word', 'new'],
    ] as const) {
      const kills = killAt(fixture, machine, (moment) => moment.when === when && moment.request.includes('/Accounts/'));
      await assert.rejects(put(fixture, `/nodes/${node}/vendor_passthru?method=rotate_password`, { password }), TypeError);
      assert.equal(kills.known.size, 1);
      await untilReported(fixture, node, `the BMC accepts the ${counts} one`);
      await fixture.ingot.ask(() => fixture.cloud.bareMetal(`/nodes/${node}/management/boot_device`));
    }

    const kills = killAt(fixture, machine, ({ when, request }) => when === 'after' && request.endsWith('/SecureBoot'));
    await assert.rejects(put(fixture, `/nodes/${node}/states/secure_boot`, { target: true }), TypeError);
    await fixture.ingot.ask(() => put(fixture, `/nodes/${node}/states/secure_boot`, { target: true }));
    assert.equal(kills.times('PATCH /redfish/v1/Systems/1/SecureBoot'), 1, 'what is so already is not told again');

    const seen = await fixture.node(node);
    assert.deepEqual([seen.fault, seen.last_error, seen.maintenance, seen.reservation], [null, null, false, null]);
    const store = await fixture.openDatabase();
    const [row] = await store.nodes.list();
    assert.equal(row?.driver_info['redfish_password'], 'fourth-word');
    assert.equal('next_redfish_password' in (row?.driver_info ?? {}), false);
    await expectNothingLeft(fixture);
  });
});

function put({ cloud }: CrashFixture, path: string, body: object): Promise<object> {
  return cloud.bareMetal(path, { method: 'PUT', body });
}

/** Resolves with the first event since the last call whose message ends so; earlier unread ones count too. */
async function untilReported({ ingot, cloud }: CrashFixture, node: string, end: string): Promise<void> {
  for (let after = reported.get(node) ?? 0; ; ) {
    const { events } = await ingot.ask(() =>
      cloud.bareMetal<{ events: { id: number; message: string }[] }>(`/nodes/${node}/events?after=${after}&limit=500&wait=2`),
    );
    const found = events.find(({ message }) => message.endsWith(end));
    after = found?.id ?? events.at(-1)?.id ?? after;
    reported.set(node, after);
    if (found) return;
  }
}
/** Position up to which each node's events were read. */
const reported = new Map<string, number>();

/** Recorded, but Ingot died before sending: undecidable, so an operator decides, and a new cleaning sends it. */
async function expectNotSentTwice(fixture: CrashFixture, machine: RackMachine, node: string): Promise<void> {
  const kills = killAt(fixture, machine, ({ when, request }) => when === 'before' && request === updateService);
  const failed = await clean(fixture, node, [newer]);
  assert.deepEqual([failed.provision_state, failed.maintenance, failed.fault], ['clean failed', true, 'clean failure']);
  assert.match(failed.last_error ?? '', /the version is unchanged \(23\.0\.1\).*not sent again/);
  assert.equal(kills.times(updateService), 0);

  // Until then another one waits.
  await fixture.ingot.ask(() => fixture.cloud.bareMetal(`/nodes/${node}/firmware_updates`, { method: 'DELETE' }));
  await fixture.ingot.ask(() => put(fixture, `/nodes/${node}/states/provision`, { target: 'manage' }));
  const cleaned = await clean(fixture, node, [newer]);
  assert.deepEqual([cleaned.provision_state, cleaned.maintenance, cleaned.last_error], ['manageable', false, null]);
  assert.equal(kills.times(updateService), 1);
}
