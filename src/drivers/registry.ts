/** All drivers by name: an explicit list, so that what there is can be read here. */
import { noBios, noConsole, noFirmware, noopManagement, noVendor } from './absent.ts';
import { createFileConsole } from './console-file/index.ts';
import { createDirectDeploy } from './direct/index.ts';
import { createFakeDriver } from './fake/index.ts';
import { hardwareTypes } from './hardware-types.ts';
import { createIbootDriver } from './iboot/index.ts';
import type {
  BiosInterface,
  BootInterface,
  ConsoleInterface,
  Drivers,
  FirmwareInterface,
  ManagementInterface,
  PowerInterface,
  VendorInterface,
} from './interfaces.ts';
import { createIscsiDeploy } from './iscsi/index.ts';
import type { ManualDriver } from './manual/index.ts';
import { createWebhookDriver } from './webhook/index.ts';

type RedfishParts = {
  power: PowerInterface;
  management: ManagementInterface;
  bios: BiosInterface;
  firmware: FirmwareInterface;
  vendor: VendorInterface;
};

export type DriverParts = {
  ipmi: {
    power: PowerInterface;
    management: ManagementInterface;
    console: ConsoleInterface;
    vendor: VendorInterface;
  };
  manual: ManualDriver;
  virtualPower: { power: PowerInterface };
  snmp: { power: PowerInterface };
  tileraPdu: { power: PowerInterface };
  redfish: RedfishParts;
  pxe: BootInterface;
  ipxe: BootInterface;
  settings: {
    'console.folders': readonly string[];
    'deploy.agent_timeout': number;
    'deploy.image_timeout': number;
    'deploy.silence_timeout': number;
    'fake.power_delay_ms': number;
    'fake.deploy_delay_ms': number;
    'fake.delay_ms': string;
    'fake.fail_rate': string;
    'fake.stuck': string;
    'fake.soft_off_seconds': number;
    'fake.seed': number;
  };
};

export function createDrivers({
  ipmi,
  manual,
  virtualPower,
  snmp,
  tileraPdu,
  redfish,
  pxe,
  ipxe,
  settings,
}: DriverParts): Drivers {
  const fake = createFakeDriver({
    powerDelayMs: settings['fake.power_delay_ms'],
    deployDelayMs: settings['fake.deploy_delay_ms'],
    delayMs: settings['fake.delay_ms'],
    failRate: settings['fake.fail_rate'],
    stuck: settings['fake.stuck'],
    softOffSeconds: settings['fake.soft_off_seconds'],
    seed: settings['fake.seed'],
  });
  const times = {
    agentTimeout: settings['deploy.agent_timeout'],
    imageTimeout: settings['deploy.image_timeout'],
    silenceTimeout: settings['deploy.silence_timeout'],
  };
  return {
    hardwareTypes,
    power: {
      ipmi: ipmi.power,
      redfish: redfish.power,
      fake: fake.power,
      manual: manual.power,
      'virtual-power': virtualPower.power,
      snmp: snmp.power,
      iboot: createIbootDriver().power,
      'tilera-pdu': tileraPdu.power,
      webhook: createWebhookDriver().power,
    },
    management: { ipmi: ipmi.management, redfish: redfish.management, fake: fake.management, noop: noopManagement },
    boot: { ipxe, pxe, fake: fake.boot },
    deploy: { direct: createDirectDeploy(times), iscsi: createIscsiDeploy(times), fake: fake.deploy },
    console: {
      file: createFileConsole(settings['console.folders']),
      'ipmi-sol': ipmi.console,
      fake: fake.console,
      'no-console': noConsole,
    },
    bios: { redfish: redfish.bios, fake: fake.bios, 'no-bios': noBios },
    firmware: { redfish: redfish.firmware, fake: fake.firmware, 'no-firmware': noFirmware },
    vendor: { ipmi: ipmi.vendor, redfish: redfish.vendor, fake: fake.vendor, manual: manual.vendor, 'no-vendor': noVendor },
  };
}
