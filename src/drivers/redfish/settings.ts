/** The boot server reads those of the listener for events. */
import { oneOf, portNumber, type SettingsOf, text } from '#settings/setting.ts';

export const redfishSettings = {
  'redfish.events_https_port': portNumber(
    0,
    'Port on provisioning.address for BMC events over HTTPS, in addition to HTTP; 0 = HTTP only',
  ),
  'redfish.events_certificate': text({
    help: 'PEM file with the certificate chain of the HTTPS event listener; default: self-signed, in the state folder',
  }),
  'redfish.events_key': text({ help: 'PEM file with the private key of the HTTPS event listener' }),
  'redfish.raw_paths': oneOf(['none', 'read'], {
    default: 'none',
    help: 'Raw Redfish access through the vendor method `get`: none or read (any resource)',
  }),
};

export type RedfishSettings = SettingsOf<typeof redfishSettings>;
