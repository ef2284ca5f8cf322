/** The settings that the boot server reads; all of them concern other parts too. */
import type { RedfishSettings } from '#drivers/redfish/settings.ts';
import type { ApiSettings, DeploySettings, ImageSettings, ProvisioningSettings, StateSettings } from '#settings/site.ts';

export type BootServerSettings = ApiSettings &
  DeploySettings &
  ImageSettings &
  ProvisioningSettings &
  StateSettings &
  RedfishSettings;
