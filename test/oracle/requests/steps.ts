/** Steps of nodes: cleaning, servicing, deploy steps and runbooks. */
import { type Given, put, type Row } from '../row.ts';

type Options = Parameters<typeof put>[3];
type State = NonNullable<Given['state']>;

const hold = { interface: 'deploy', step: 'hold' };
const power = { interface: 'power', step: 'power_on' };

/** A request in which the node is in this state. */
const steps = (name: string, state: State, body: object, options: Options = {}): Row =>
  put(`steps: ${name}`, '/nodes/$NODE/states/provision', body, { given: { state }, ...options });
const manageable = (name: string, body: object, options?: Options): Row => steps(name, 'manageable', body, options);
const active = (name: string, body: object, options?: Options): Row => steps(name, 'active', body, options);

export const stepRows: readonly Row[] = [
  active('service without any', { target: 'service' }),
  active('service by none', { target: 'service', service_steps: [] }),
  active('service at 1.86', { target: 'service', service_steps: [hold] }, { version: '1.86' }),
  active('service by clean steps', { target: 'service', clean_steps: [hold] }),
  active('service by a step of no interface', { target: 'service', service_steps: [{ interface: 'kitchen', step: 'x' }] }),
  active('service by power', { target: 'service', service_steps: [power] }),
  active('service without a ramdisk', { target: 'service', service_steps: [power], disable_ramdisk: true }),
  active(
    'service without a ramdisk at 1.107',
    { target: 'service', service_steps: [power], disable_ramdisk: true },
    { version: '1.107' },
  ),
  active('service by steps that are text', { target: 'service', service_steps: 'hold' }),
  active('service by an unknown runbook', { target: 'service', runbook: 'CUSTOM_NOTHING' }),
  active('unhold', { target: 'unhold' }),
  active('abort', { target: 'abort' }),
  active('clean', { target: 'clean', clean_steps: [power] }),
  steps(
    'service of a node in maintenance',
    'active',
    { target: 'service', service_steps: [power] },
    { given: { state: 'active', maintenance: true } },
  ),
  manageable(
    'clean of a node in maintenance',
    { target: 'clean', clean_steps: [power] },
    { given: { state: 'manageable', maintenance: true } },
  ),
  manageable('clean by power', { target: 'clean', clean_steps: [power] }),
  manageable('clean by service steps', { target: 'clean', service_steps: [hold] }),
  manageable('clean by an unknown runbook', { target: 'clean', runbook: 'CUSTOM_NOTHING' }),
  manageable('clean by a runbook at 1.91', { target: 'clean', runbook: 'CUSTOM_NOTHING' }, { version: '1.91' }),
  manageable(
    'clean without a ramdisk at 1.69',
    { target: 'clean', clean_steps: [power], disable_ramdisk: true },
    { version: '1.69' },
  ),
  manageable('provide without a ramdisk', { target: 'provide', disable_ramdisk: true }),
  manageable('clean with a ramdisk that is text', { target: 'clean', clean_steps: [power], disable_ramdisk: 'perhaps' }),
  manageable('provide with service steps', { target: 'provide', service_steps: [hold] }),
  manageable('provide with deploy steps', { target: 'provide', deploy_steps: [{ ...power, args: {}, priority: 1 }] }),
  steps(
    'deploy steps at 1.68',
    'available',
    { target: 'active', deploy_steps: [{ ...power, args: {}, priority: 1 }] },
    { version: '1.68' },
  ),
  steps('deploy steps without priority', 'available', { target: 'active', deploy_steps: [{ ...power, args: {} }] }),
  steps('deploy steps with a negative priority', 'available', {
    target: 'active',
    deploy_steps: [{ ...power, args: {}, priority: -1 }],
  }),
  steps('unhold at 1.84', 'available', { target: 'unhold' }, { version: '1.84' }),
];
