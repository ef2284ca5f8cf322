/** The rules of the settings. */

import type { ApiSettings, ImageSettings, ProvisioningSettings, StateSettings } from '#settings/site.ts';
import { AddressRules, privateNetworks } from './address-rules.ts';
import { readAuthorities } from './authorities.ts';
import type { FetchRules } from './open-source.ts';

export type FetchSettings = ImageSettings &
  StateSettings &
  Pick<ApiSettings, 'api.listen'> &
  ProvisioningSettings & { 'redfish.events_https_port': number; 'secrets.key_file': string };

const ownPortSettings = [
  ...([
    'provisioning.http_port',
    'provisioning.https_port',
    'provisioning.deploy_helper_port',
    'redfish.events_https_port',
  ] as const),
] as const;

export function fetchRulesOf(settings: FetchSettings): FetchRules {
  const file = settings['images.fetch_ca_file'];
  return {
    http: {
      addresses: new AddressRules({ allowed: settings['images.fetch_addresses'], ownPorts: ownPortsOf(settings) }),
      prefixes: settings['images.fetch_urls'],
      authorities: file === '' ? [] : [readAuthorities('images.fetch_ca_file', file)],
      stallMs: settings['images.upload_stall'] * 1000,
    },
    files: {
      folders: settings['images.file_paths'],
      refused: [settings.state_dir, settings['secrets.key_file']].filter(Boolean),
    },
  };
}

/** For URLs that any user of the image service names: public servers only, unless the settings allow others. */
export function importRulesOf(settings: FetchSettings): FetchRules {
  const { http } = fetchRulesOf(settings);
  const cidr = settings['provisioning.cidr'];
  const addresses = new AddressRules({
    allowed: settings['images.import_addresses'],
    more: [...(cidr ? [[cidr, 'an address of the provisioning network'] as const] : []), ...privateNetworks],
    ownPorts: ownPortsOf(settings),
  });
  const ports = settings['images.import_ports'].map(Number);
  return { http: { ...http, addresses, ports }, files: { folders: [], refused: [] } };
}

function ownPortsOf(settings: FetchSettings): number[] {
  const apiPort = Number(settings['api.listen'].split(':').at(-1));
  return [apiPort, ...ownPortSettings.map((name) => settings[name])].filter((port) => port > 0);
}
