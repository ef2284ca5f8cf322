import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import type { JsonObject } from '#domain/json.ts';
import { startRedfishTree, type TreeReply } from '#test/a-redfish-tree.ts';
import { faultOf } from '#test/fault-of.ts';
import type { PowerTarget } from '../interfaces.ts';
import { createRedfishPower } from './power.ts';
import { resetTypes, targetTable, unusedResetTypes } from './reset.ts';

const systemPath = '/redfish/v1/Systems/1';
const resetPath = `${systemPath}/Actions/ComputerSystem.Reset`;
const pollTiming = { pollMs: 5, retryMs: 5, effectMs: 10_000 };
const noWatch = async () => undefined;

const early = (id: string) => ({
  status: 409,
  body: { error: { '@Message.ExtendedInfo': [{ MessageId: `Base.1.21.${id}`, Message: 'Not now.' }] } },
});

/** A machine whose BMC executes each command, with or without a list of ResetTypes. */
async function setUp(t: TestContext, options: { state?: string | null; offered?: string[]; system?: JsonObject } = {}) {
  const { state = 'Off', offered, system } = options;
  const reset: JsonObject = { target: resetPath, ...(offered && { 'ResetType@Redfish.AllowableValues': offered }) };
  const tree = await startRedfishTree(t, {
    [systemPath]: { '@odata.id': systemPath, PowerState: state, Actions: { '#ComputerSystem.Reset': reset }, ...system },
  });
  const sent: unknown[] = [];
  const effects: Record<string, string> = {
    On: 'On',
    ForceOn: 'On',
    ForceOff: 'Off',
    GracefulShutdown: 'Off',
    PushPowerButton: 'Off',
  };
  const executeAction = ({ body }: { body: JsonObject }): TreeReply => {
    sent.push(body['ResetType']);
    const effect = effects[String(body['ResetType'])];
    if (effect) tree.resources.set(systemPath, { ...tree.resources.get(systemPath), PowerState: effect });
    return { status: 204 };
  };
  tree.rules.set(`POST ${resetPath}`, executeAction);
  return { tree, node: tree.node, sent, executeAction, power: createRedfishPower(tree.withSystem, noWatch, pollTiming) };
}

suite('the power state', () => {
  for (const [status, health] of [
    [{ Health: 'OK', HealthRollup: 'Critical' }, 'Critical'],
    [{ Health: 'Warning' }, 'Warning'],
    [{ Health: 'Fine' }, null],
    ['odd', null],
  ] as const) {
    test(`comes with the health: ${JSON.stringify(status)}`, async (t) => {
      const { power, node } = await setUp(t, { state: 'On', system: { Status: status } });
      const heard: unknown[] = [];
      await power.getPower(node, { health: (found) => void heard.push(found) });
      assert.deepEqual(heard, [health]);
    });
  }

  for (const [word, state] of [
    ['On', 'power on'],
    ['PoweringOn', 'power on'],
    ['PoweringOff', 'power on'],
    ['Paused', 'power on'],
    ['Off', 'power off'],
  ] as const) {
    test(`${word} is ${state}`, async (t) => {
      const { power, node } = await setUp(t, { state: word });
      assert.equal(await power.getPower(node), state);
    });
  }

  // https://github.com/device-management-toolkit/console/pull/1051: no power state for a while after a power command.
  test('reports a missing state as not ready, so that it is polled again', async (t) => {
    const { power, node } = await setUp(t, { state: null });
    const { code, message } = await faultOf(power.getPower(node));
    assert.equal(code, 'bmcNotReady');
    assert.match(message, /no power state/);
  });

  test('rejects an unknown state', async (t) => {
    const { power, node } = await setUp(t, { state: 'Dreaming' });
    const { code, message } = await faultOf(power.getPower(node));
    assert.equal(code, 'bmcMalformedReply');
    assert.match(message, /power state Dreaming/);
  });
});

test('every ResetType is used or has a reason not to be', () => {
  const asked = new Set(Object.values(targetTable).flat());
  for (const type of resetTypes) assert.ok(asked.has(type) !== type in unusedResetTypes, type);
});

suite('a command uses the best offered ResetType', () => {
  const all = [...resetTypes];
  const rows: [target: PowerTarget, state: string, offered: string[], sent: string[]][] = [
    ['power on', 'Off', all, ['On']],
    ['power on', 'Off', ['ForceOn', 'PushPowerButton'], ['ForceOn']],
    ['power on', 'Paused', all, ['Resume']],
    ['power off', 'On', all, ['ForceOff']],
    ['soft power off', 'On', all, ['GracefulShutdown']],
    ['soft power off', 'On', ['On', 'ForceOff', 'PushPowerButton'], ['PushPowerButton']],
    ['reset', 'On', all, ['ForceRestart']],
    ['reset', 'On', ['GracefulRestart'], ['GracefulRestart']],
    ['reset', 'Off', all, ['On']],
    ['power cycle', 'On', all, ['PowerCycle']],
    ['power cycle', 'On', ['FullPowerCycle'], ['FullPowerCycle']],
    ['power cycle', 'On', ['On', 'ForceOff'], ['ForceOff', 'On']],
    ['power cycle', 'Off', all, ['On']],
  ];
  for (const [target, state, offered, expected] of rows) {
    test(`${target} while ${state}, of ${offered.length} types: ${expected.join(', ')}`, async (t) => {
      const { power, node, sent } = await setUp(t, { state, offered });
      await power.setPower(node, target);
      assert.deepEqual(sent, expected);
    });
  }

  test('and reports that none fits', async (t) => {
    const { power, node, sent } = await setUp(t, { state: 'On', offered: ['On'] });
    assert.match((await faultOf(power.setPower(node, 'power off'))).message, /no ResetType for it \(offered: On\)/);
    assert.deepEqual(sent, []);
  });

  test('given by an ActionInfo', async (t) => {
    const info = `${systemPath}/ResetActionInfo`;
    const Actions = { '#ComputerSystem.Reset': { target: resetPath, '@Redfish.ActionInfo': info } };
    const { power, node, sent, tree } = await setUp(t, { system: { Actions } });
    tree.resources.set(info, { Parameters: [{ Name: 'ResetType', Required: true, AllowableValues: ['ForceOn'] }] });
    await power.setPower(node, 'power on');
    assert.deepEqual(sent, ['ForceOn']);
  });

  test('found by trying if nothing lists it', async (t) => {
    const { power, node, sent, tree, executeAction } = await setUp(t);
    const unknown = {
      status: 400,
      body: { error: { '@Message.ExtendedInfo': { MessageId: 'Base.1.8.ActionParameterValueNotInList' } } },
    };
    tree.rules.set(`POST ${resetPath}`, (asked) => (asked.body['ResetType'] === 'On' ? unknown : executeAction(asked)));
    await power.setPower(node, 'power on');
    assert.deepEqual(sent, ['ForceOn']);
  });
});

test('accepts an error if the state is already reached', async (t) => {
  const { power, node, tree } = await setUp(t, { state: 'On', offered: ['On', 'ForceOff'] });
  tree.rules.set(`POST ${resetPath}`, () => ({ status: 409, body: { error: { message: 'Host is powered on.' } } }));
  await power.setPower(node, 'power on');
  assert.match((await faultOf(power.setPower(node, 'power off'))).message, /409 Conflict; Host is powered on/);
});

suite('a command that comes too early', () => {
  for (const [vendor, id] of [
    ['Dell Inc.', 'ActionParameterValueConflict'],
    ['HPE', 'InvalidOperationForSystemState'],
  ] as const) {
    test(`is retried with ${vendor}`, async (t) => {
      const { power, node, sent, tree, executeAction } = await setUp(t, { system: { Manufacturer: vendor } });
      let refusals = 2;
      tree.rules.set(`POST ${resetPath}`, (asked) => (refusals-- > 0 ? early(id) : executeAction(asked)));
      await power.setPower(node, 'power on');
      assert.deepEqual(sent, ['On']);
    });
  }

  test('raises a fault with others', async (t) => {
    const { power, node, tree } = await setUp(t, { system: { Manufacturer: 'Example' } });
    tree.rules.set(`POST ${resetPath}`, () => early('ActionParameterValueConflict'));
    assert.equal((await faultOf(power.setPower(node, 'power on'))).code, 'bmcError');
    assert.equal(tree.changes.length, 1);
  });
});

test('rejects a power state that is an inherited property name', async (t) => {
  for (const state of ['constructor', '__proto__', 'toString']) {
    const { power, node } = await setUp(t, { state });
    assert.equal((await faultOf(power.getPower(node))).code, 'bmcMalformedReply');
  }
});
