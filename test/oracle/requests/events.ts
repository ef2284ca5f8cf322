/** `/v1/events`: what a network service tells. */
import type { JsonObject } from '#domain/json.ts';
import { get, type Options, post, type Row } from '../row.ts';

const event = {
  event: 'network.bind_port',
  port_id: '9b1c6a3e-6d0e-4b4c-9f0e-0123456789ae',
  mac_address: '52:54:00:00:00:01',
  status: 'ACTIVE',
};
const row = (name: string, fields: JsonObject, options: Options = {}): Row =>
  post(`event: ${name}`, '/events', { events: [{ ...event, ...fields }] }, { given: { node: null }, ...options });

export const eventRows: readonly Row[] = [
  row('bound', {}),
  row('unbound', { event: 'network.unbind_port', device_id: null }),
  row('an unknown one', { event: 'network.explode' }),
  row('a port that is none', { port_id: 'x' }),
  row('an address that is none', { mac_address: 'x' }),
  row('an unknown field', { color: 'red' }),
  row('with all fields', { 'binding:host_id': null, 'binding:vnic_type': 'baremetal', device_id: event.port_id }),
  post('event: none', '/events', { events: [] }, { given: { node: null } }),
  post('event: no list', '/events', {}, { given: { node: null } }),
  row('at 1.53', {}, { version: '1.53' }),
  get('event: read', '/events', { given: { node: null } }),
];
