import { Fault } from '#domain/faults.ts';
import type { LogEntry, VendorInterface } from '../interfaces.ts';
import { fakeProperties } from './behaviour.ts';
import type { FakeBmc } from './fake-bmc.ts';

const severities = ['ok', 'warning', 'critical'] as const satisfies readonly LogEntry['severity'][];

export function createFakeVendor(bmc: FakeBmc): VendorInterface {
  const { machines } = bmc;
  return {
    properties: fakeProperties,
    validate: (node) => void bmc.behaviour(node),
    methods: {
      echo: {
        help: 'Answers with its parameters.',
        http: ['GET', 'POST', 'PUT', 'DELETE'],
        run: async (_node, parameters) => parameters,
      },
      press_power_button: {
        help: 'Switches the machine without Ingot, like its power button.',
        http: ['POST'],
        async run(node) {
          const power = machines.power(node) === 'power on' ? 'power off' : 'power on';
          machines.setPower(node, power);
          machines.note(node, { severity: 'ok', source: 'power', message: 'power button pressed' });
          return { power_state: power };
        },
      },
      add_log_entry: {
        help: 'Puts an entry into the log of the BMC: message, source, severity (ok, warning or critical).',
        http: ['POST'],
        async run(node, { message, source = 'fake', severity = 'warning' }) {
          const found = severities.find((candidate) => candidate === severity);
          if (typeof message !== 'string' || message.length > 200 || typeof source !== 'string' || source.length > 50 || !found) {
            const detail = `add_log_entry takes message (up to 200 letters), source (up to 50) and severity (${severities.join(', ')})`;
            throw new Fault('badRequest', { detail });
          }
          machines.note(node, { message, source, severity: found });
          return null;
        },
      },
    },
  };
}
