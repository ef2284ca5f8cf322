/**
 * Neutron converts some attributes before validation (neutron-lib's `convert_to_boolean`, `convert_to_int`,
 * `convert_none_to_empty_list`): shell and template clients send `"True"`, `1` and `"4"`.
 */
import { Fault } from '#domain/faults.ts';
import { readBoolean } from '#services/loose-booleans.ts';

const booleans = [
  ...[
    'admin_state_up',
    'distributed',
    'dns_publish_fixed_ip',
    'enable_dhcp',
    'ha',
    'is_default',
    'port_security_enabled',
    'propagate_uplink_status',
    'router:external',
  ],
  ...['shared', 'stateful', 'use_default_subnetpool', 'used_in_default_sg', 'used_in_non_default_sg'],
];
/** Go clients send null for an empty list. */
const lists = [
  ...['allowed_address_pairs', 'availability_zone_hints', 'dns_nameservers', 'extra_dhcp_opts', 'host_routes'],
  ...['routes', 'security_groups', 'service_types'],
];
const numbers = [
  ...['default_prefixlen', 'default_quota', 'dscp_mark', 'ip_version', 'max_burst_kbps', 'max_burst_kpps', 'max_kbps'],
  ...[
    'max_kpps',
    'max_prefixlen',
    'min_kbps',
    'min_kpps',
    'min_prefixlen',
    'prefixlen',
    'provider:segmentation_id',
    'segmentation_id',
  ],
];
const wholeNumber = /^\s*[0-9]{1,10}\s*$/;

/** Converts `{ network: {…} }` or `{ networks: [{…}] }` in place. @throws Fault `invalidInput` for what cannot be converted */
export function convertAttributes(body: unknown): void {
  if (!isObject(body)) return;
  for (const resource of Object.values(body).flat()) if (isObject(resource)) convert(resource);
}

function convert(resource: Record<string, unknown>): void {
  for (const name of booleans) if (Object.hasOwn(resource, name)) resource[name] = asBoolean(name, resource[name]);
  for (const name of lists) if (Object.hasOwn(resource, name)) resource[name] ??= [];
  for (const name of numbers) {
    const value = Object.hasOwn(resource, name) ? resource[name] : undefined;
    if (typeof value !== 'string') continue;
    if (!wholeNumber.test(value)) throw new Fault('invalidInput', { detail: `'${inShort(value)}' is not an integer.` });
    resource[name] = Number(value);
  }
}

/** Of routers, null is the default. */
function asBoolean(name: string, value: unknown): unknown {
  const known = readBoolean(value);
  if (known !== undefined || ((name === 'distributed' || name === 'ha') && value === null)) return known ?? value;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  throw new Fault('invalidInput', { detail: `'${inShort(text)}' cannot be converted to boolean.` });
}

const inShort = (text: string) => text.slice(0, 100);

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
