/** Failures on demand: what `driver_info.fake_fail` names does not work. */
import { Fault } from '#domain/faults.ts';
import type { NodeFacts, Properties } from '../interfaces.ts';

export const fakeProperties: Properties = {
  fake_power_delay_ms: { help: 'Milliseconds a power command takes', default: 'the setting fake.power_delay_ms' },
  fake_fail: {
    help:
      'What fails, comma-separated: a power command (`power on`, `power off`, `reset`, `power status`), `boot device`, ' +
      'the name of a deploy step (`write image`), or all BMC commands: `bmc unreachable`, `bmc refuses`',
  },
};

export function failsAt(node: Pick<NodeFacts, 'driver_info'>, name: string): boolean {
  const asked = node.driver_info['fake_fail'];
  return typeof asked === 'string' && asked.split(',').some((item) => item.trim() === name);
}

/** Throws as a real BMC driver does for `command`, where the node is set to fail at it. */
export function answerAsBmc(node: NodeFacts, command: string): void {
  const address = `fake:${node.name ?? node.uuid}`;
  if (failsAt(node, 'bmc unreachable')) throw new Fault('bmcUnreachable', { address, attempts: 1, seconds: 0 });
  if (failsAt(node, 'bmc refuses')) throw new Fault('bmcRefused', { address, detail: 'fake_fail says so' });
  if (failsAt(node, command)) throw new Fault('bmcError', { address, command, detail: 'the failure that fake_fail asks for' });
}

export function validateFake(node: NodeFacts): void {
  const { fake_power_delay_ms: delay, fake_fail: fail } = node.driver_info;
  const wrong = (detail: string) => new Fault('driverInfo', { node: node.name ?? node.uuid, detail });
  if (delay !== undefined && !(Number(delay) >= 0)) throw wrong('fake_power_delay_ms must be a number of milliseconds.');
  if (fail !== undefined && typeof fail !== 'string') throw wrong('fake_fail must be text.');
}
