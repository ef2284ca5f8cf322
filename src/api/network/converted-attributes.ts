/**
 * Neutron converts some attributes before it checks them (neutron-lib's `convert_to_boolean` and `convert_to_int`):
 * clients in shell and templates send `"True"`, `1` and `"4"`.
 */
import { readBoolean } from '../loose-booleans.ts';

const booleans = ['admin_state_up', 'enable_dhcp', 'router:external', 'shared'];
const wholeNumber = /^\s*[0-9]{1,5}\s*$/;

/** Of `{ network: {…} }` or `{ networks: [{…}] }`, in place. What cannot be converted stays, for the schema to refuse. */
export function convertAttributes(body: unknown): void {
  if (!isObject(body)) return;
  for (const resource of Object.values(body).flat()) if (isObject(resource)) convert(resource);
}

function convert(resource: Record<string, unknown>): void {
  for (const name of booleans) if (Object.hasOwn(resource, name)) resource[name] = readBoolean(resource[name]) ?? resource[name];
  const version = Object.hasOwn(resource, 'ip_version') ? resource['ip_version'] : undefined;
  if (typeof version === 'string' && wholeNumber.test(version)) resource['ip_version'] = Number(version);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
