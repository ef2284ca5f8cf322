/** The rules of the settings. */
import { readFileSync } from 'node:fs';
import type { ApiSettings, ImageSettings, ProvisioningSettings, StateSettings } from '#settings/site.ts';
import { AddressRules } from './address-rules.ts';
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
  const apiPort = Number(settings['api.listen'].split(':').at(-1));
  const ownPorts = [apiPort, ...ownPortSettings.map((name) => settings[name])].filter((port) => port > 0);
  const file = settings['images.fetch_ca_file'];
  return {
    http: {
      addresses: new AddressRules({ allowed: settings['images.fetch_addresses'], ownPorts }),
      prefixes: settings['images.fetch_urls'],
      authorities: file === '' ? [] : [readFileSync(file, 'utf8')],
      stallMs: settings['images.upload_stall'] * 1000,
    },
    files: {
      folders: settings['images.file_paths'],
      refused: [settings.state_dir, settings['secrets.key_file']].filter(Boolean),
    },
  };
}
