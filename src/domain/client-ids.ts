/** DHCP client identifiers (RFC 2132, 9.14) of node ports: `extra/client-id`, as in Ironic for InfiniBand. */
import type { JsonObject } from './json.ts';

/** Type and identifier, together no longer than a DHCP option. */
const shape = /^[0-9a-f]{2}(:[0-9a-f]{2}){1,254}$/;

/** @returns undefined if the port has none, null if it is not colon-separated hexadecimal bytes */
export function clientIdOf({ extra }: { readonly extra: JsonObject }): string | null | undefined {
  const value = extra['client-id'];
  if (value === undefined || value === null || value === '') return undefined;
  const text = String(value).toLowerCase();
  return typeof value === 'string' && shape.test(text) ? text : null;
}
