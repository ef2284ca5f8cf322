/** `/v1/events`: what a network service tells of ports. Like Ironic, Ingot acts on none of them. */
import { Type } from 'typebox';
import { route } from './policy.ts';

const uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}$' });
const Maybe = Type.Optional(Type.Union([uuid, Type.Null()]));
const ExternalEvent = Type.Object(
  {
    event: Type.Union([
      Type.Literal('network.bind_port'),
      Type.Literal('network.unbind_port'),
      Type.Literal('network.delete_port'),
    ]),
    port_id: uuid,
    mac_address: Type.String({ pattern: '^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$' }),
    status: Type.String({ maxLength: 255 }),
    device_id: Maybe,
    'binding:host_id': Maybe,
    'binding:vnic_type': Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  },
  { additionalProperties: false },
);

export const eventRoutes = [
  route({
    method: 'POST',
    path: '/events',
    policy: 'baremetal:events:post',
    since: 54,
    summary: 'Take events of a network service, which are logged',
    status: 204,
    body: Type.Object({ events: Type.Array(ExternalEvent, { minItems: 1, maxItems: 1000 }) }, { additionalProperties: false }),
    handler({ body, log }) {
      for (const event of body.events) log.debug({ event }, 'event of a network service');
    },
  }),
];
