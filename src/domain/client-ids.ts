/** DHCP client identifiers (RFC 2132, 9.14) of node ports: `extra/client-id`, as Ironic has it for InfiniBand. */
import type { NodePort } from './records.ts';

/** Type and identifier, together at most what fits into an option. */
const shape = /^[0-9a-f]{2}(:[0-9a-f]{2}){1,254}$/;

/** @returns undefined where the port has none, null where it is no bytes in hexadecimal digits with colons */
export function clientIdOf({ extra }: Pick<NodePort, 'extra'>): string | null | undefined {
  const value = extra['client-id'];
  if (value === undefined || value === null || value === '') return undefined;
  const text = String(value).toLowerCase();
  return typeof value === 'string' && shape.test(text) ? text : null;
}
