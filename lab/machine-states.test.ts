import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootOrder, isPowered, type MachineEvent, type MachineState, nextState } from './machine-states.ts';

const stories: Record<string, { events: MachineEvent[]; ends: MachineState; starts: number }> = {
  'switched on': { events: ['power on'], ends: 'on', starts: 1 },
  'switched on twice': { events: ['power on', 'power on'], ends: 'on', starts: 1 },
  'off is off': { events: ['power off', 'reset', 'power cycle', 'soft off'], ends: 'off', starts: 0 },
  'plug pulled': { events: ['power on', 'power off', 'ended'], ends: 'off', starts: 1 },
  reset: { events: ['power on', 'reset', 'ended'], ends: 'on', starts: 2 },
  'power cycle': { events: ['power on', 'power cycle', 'ended'], ends: 'on', starts: 2 },
  'restarted by its system': { events: ['power on', 'guest restarted'], ends: 'on', starts: 2 },
  'switched off by its system': { events: ['power on', 'ended'], ends: 'off', starts: 1 },
  'button pressed and ignored': { events: ['power on', 'soft off'], ends: 'on', starts: 1 },
  'button pressed and obeyed': { events: ['power on', 'soft off', 'ended'], ends: 'off', starts: 1 },
  'on again while it stops': { events: ['power on', 'power off', 'power on', 'ended'], ends: 'on', starts: 2 },
  'off while it restarts': { events: ['power on', 'reset', 'power off', 'ended'], ends: 'off', starts: 1 },
  'off crosses a restart by its system': { events: ['power on', 'power off', 'guest restarted'], ends: 'off', starts: 1 },
};

for (const [name, { events, ends, starts }] of Object.entries(stories)) {
  test(`a machine: ${name}`, () => {
    let state: MachineState = 'off';
    let started = 0;
    for (const event of events) {
      const { to, action } = nextState(state, event);
      state = to;
      if (action === 'start') started += 1;
    }
    assert.deepEqual({ state, started }, { state: ends, started: starts });
  });
}

test('a machine draws power until it has stopped', () => {
  assert.deepEqual((['off', 'on', 'stopping', 'restarting'] as const).map(isPowered), [false, true, true, true]);
});

test('the boot device asked for comes first, and the others stay', () => {
  const usual = ['network', 'disk'] as const;

  assert.deepEqual(bootOrder(usual, undefined), ['network', 'disk']);
  assert.deepEqual(bootOrder(usual, { device: 'disk', persistent: true }), ['disk', 'network']);
  assert.deepEqual(bootOrder(usual, { device: 'pxe', persistent: false }), ['network', 'disk']);
  assert.deepEqual(bootOrder(['disk'], { device: 'pxe', persistent: false }), ['network', 'disk']);
  assert.deepEqual(bootOrder(usual, { device: 'bios', persistent: false }), ['network', 'disk']);
  assert.deepEqual(bootOrder(usual, { device: 'floppy', persistent: false }), ['floppy', 'usb', 'network', 'disk']);
});
