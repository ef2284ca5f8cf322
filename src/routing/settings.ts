/** Settings of the data path of routers. */
import { isIPv4 } from 'node:net';
import { integer, list, type SettingsOf, text } from '#settings/setting.ts';
import type { ApiSettings, ProvisioningSettings, StateSettings } from '#settings/site.ts';

const interfaceName = { expected: 'the name of an interface', isValid: (name: string) => /^[A-Za-z0-9_.-]{1,15}$/.test(name) };

export const routingSettings = {
  'network.router': text(
    {
      help: 'Bridge or interface of the external networks: routers and floating IPs of the network API forward packets to and from it; empty = they are only records',
    },
    interfaceName,
  ),
  'network.router_inside': text(
    { help: 'Bridge or interface on which routers reach the machines; default: provisioning.interface' },
    interfaceName,
  ),
  'network.router_private': list(
    { help: 'Private CIDRs outside of their own subnets to which routers may forward, comma-separated; empty = none' },
    { expected: 'IPv4 CIDRs', isValid: isNetwork },
  ),
  'network.router_check_interval': integer({
    default: 30,
    max: 86_400,
    help: 'How often the data path of routers is compared with what it should be; 0 = only after changes (seconds)',
  }),
};

export type RoutingSettings = SettingsOf<typeof routingSettings> & ProvisioningSettings & StateSettings & ApiSettings;

function isNetwork(value: string): boolean {
  const [host = '', prefix = '', ...rest] = value.split('/');
  return rest.length === 0 && isIPv4(host) && /^\d{1,2}$/.test(prefix) && Number(prefix) <= 32;
}
