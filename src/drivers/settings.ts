/** The settings of all drivers. */
import type { DeploySettings, ImageSettings, StateSettings } from '#settings/site.ts';
import type { ToolSettings } from '#tools/settings.ts';
import { type ConsoleFileSettings, consoleFileSettings } from './console-file/settings.ts';
import { type FakeSettings, fakeSettings } from './fake/settings.ts';
import { type IpmiSettings, ipmiSettings } from './ipmi/settings.ts';
import { type ManualSettings, manualSettings } from './manual/settings.ts';
import { type RedfishSettings, redfishSettings } from './redfish/settings.ts';
import { type TileraPduSettings, tileraPduSettings } from './tilera-pdu/settings.ts';
import { type VirtualPowerSettings, virtualPowerSettings } from './virtual-power/settings.ts';

export const driverSettings = {
  ...ipmiSettings,
  ...consoleFileSettings,
  ...redfishSettings,
  ...virtualPowerSettings,
  ...tileraPduSettings,
  ...manualSettings,
  ...fakeSettings,
};

type OwnSettings = IpmiSettings &
  ConsoleFileSettings &
  RedfishSettings &
  VirtualPowerSettings &
  TileraPduSettings &
  ManualSettings &
  FakeSettings;

/** With those that several parts read. */
export type DriverSettings = OwnSettings & DeploySettings & ImageSettings & StateSettings & ToolSettings;
