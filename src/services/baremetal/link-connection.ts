/** The switch port to which a port is connected: `local_link_connection`. */
import { type Static, Type } from 'typebox';
import { Fault } from '#domain/faults.ts';
import type { JsonObject } from '#domain/json.ts';

const Text = Type.Optional(Type.String({ maxLength: 255 }));
const names = {
  switch_id: Text,
  port_id: Text,
  switch_info: Text,
  hostname: Text,
  network_type: Type.Optional(Type.Union([Type.Literal('managed'), Type.Literal('unmanaged')])),
  'vtep-logical-switch': Text,
  'vtep-physical-switch': Text,
};
export const LinkConnection = Type.Object(names, { additionalProperties: false });
type LinkConnection = Static<typeof LinkConnection>;

/** A link has all keys of one of these: a switch, a Smart NIC, OVN's hardware gateway. An empty object is no link. */
const kinds: readonly (readonly (keyof LinkConnection)[])[] = [
  ['port_id', 'switch_id'],
  ['port_id', 'hostname'],
  ['port_id', 'vtep-logical-switch', 'vtep-physical-switch'],
];
/** A MAC, or the datapath id of an OpenFlow switch. */
const switchId = /^([0-9a-f]{2}(:[0-9a-f]{2}){5}|[0-9a-f]{16})$/i;

/** @returns it with the switch id in lower case. Throws `badRequest` */
export function checkLink(link: LinkConnection): JsonObject {
  const isWhole = kinds.some((needed) => needed.every((name) => link[name] !== undefined));
  if (Object.keys(link).length > 0 && link.network_type !== 'unmanaged' && !isWhole) {
    const detail = `Schema error for local_link_connection: it needs ${kinds.map((needed) => needed.join(' and ')).join(', or ')}.`;
    throw new Fault('badRequest', { detail });
  }
  const { switch_id } = link;
  if (switch_id === undefined) return link as JsonObject;
  if (!switchId.test(switch_id))
    throw new Fault('badRequest', { detail: `Expected a MAC address or OpenFlow datapath ID but received ${switch_id}.` });
  return { ...link, switch_id: switch_id.toLowerCase() } as JsonObject;
}
