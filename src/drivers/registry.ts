/** All drivers by name, created from their settings: an explicit list, so that it documents what exists. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createAgentRaid } from './agent-raid/index.ts';
import { createFileConsole } from './console-file/index.ts';
import { createDirectDeploy } from './direct/index.ts';
import { createFakeDriver } from './fake/index.ts';
import { hardwareTypes } from './hardware-types.ts';
import { createIbootDriver } from './iboot/index.ts';
import type { Drivers } from './interfaces.ts';
import { createIpmiDriver } from './ipmi/index.ts';
import { ipxeBoot } from './ipxe/index.ts';
import { createIscsiDeploy } from './iscsi/index.ts';
import { createManualDriver, type ManualParts } from './manual/index.ts';
import { absentInterfaces, noopManagement } from './noop.ts';
import { pxeBoot } from './pxe/index.ts';
import { createRedfishDriver, type RedfishDriverOptions } from './redfish/index.ts';
import type { DriverSettings } from './settings.ts';
import { createSnmpDriver } from './snmp/index.ts';
import { createTileraPduDriver } from './tilera-pdu/index.ts';
import { createVirtualPowerDriver } from './virtual-power/index.ts';
import { createWebhookDriver } from './webhook/index.ts';

export type DriverParts = {
  readonly settings: DriverSettings;
  /** Passes an operator's confirmation for a machine without power control. */
  readonly confirmPower: ManualParts['confirm'];
  /** Listener for events of BMCs; undefined = none, so BMCs are polled. */
  readonly events?: RedfishDriverOptions['events'];
};

export type OpenDrivers = {
  readonly drivers: Drivers;
  /** Aborts requests in progress, and closes sessions and connections. */
  close(): Promise<void>;
};

export async function openDrivers({ settings, confirmPower, events }: DriverParts): Promise<OpenDrivers> {
  const ipmi = createIpmiDriver({
    packetsPerSecond: settings['ipmi.packets_per_second'],
    sessions: settings['ipmi.sessions'],
    rawCommands: settings['ipmi.raw_commands'],
  });
  const redfish = createRedfishDriver({ events, rawPaths: settings['redfish.raw_paths'] });
  const virtualPower = await openVirtualPower(settings);
  const snmp = createSnmpDriver();
  const tileraPdu = openTileraPdu(settings);
  const manual = createManualDriver({ waitSeconds: settings['manual.wait'], confirm: confirmPower });
  const fake = openFake(settings);
  const times = {
    agentTimeout: settings['deploy.agent_timeout'],
    imageTimeout: settings['deploy.image_timeout'],
    silenceTimeout: settings['deploy.silence_timeout'],
  };
  const tools = {
    confinement: settings['tools.confinement'],
    diskReserve: settings['images.reserve_mib'] * 1024 * 1024,
  };
  const drivers: Drivers = {
    hardwareTypes,
    power: {
      ipmi: ipmi.power,
      redfish: redfish.power,
      'idrac-redfish': redfish.power,
      snmp: snmp.power,
      iboot: createIbootDriver().power,
      'tilera-pdu': tileraPdu.power,
      webhook: createWebhookDriver().power,
      'virtual-power': virtualPower.power,
      manual: manual.power,
      fake: fake.power,
    },
    management: {
      ipmi: ipmi.management,
      redfish: redfish.management,
      'idrac-redfish': redfish.management,
      fake: fake.management,
      noop: noopManagement,
    },
    boot: { ipxe: ipxeBoot, pxe: pxeBoot, fake: fake.boot },
    deploy: { direct: createDirectDeploy(times), iscsi: createIscsiDeploy({ ...times, ...tools }), fake: fake.deploy },
    console: {
      file: createFileConsole(settings['console.folders']),
      'ipmi-sol': ipmi.console,
      fake: fake.console,
      ...absentInterfaces.console,
    },
    bios: { redfish: redfish.bios, 'idrac-redfish': redfish.bios, fake: fake.bios, ...absentInterfaces.bios },
    firmware: { redfish: redfish.firmware, fake: fake.firmware, ...absentInterfaces.firmware },
    inspect: {
      redfish: redfish.inspect,
      'idrac-redfish': redfish.inspect,
      fake: fake.inspect,
      ...absentInterfaces.inspect,
    },
    vendor: {
      ipmi: ipmi.vendor,
      redfish: redfish.vendor,
      'idrac-redfish': redfish.vendor,
      fake: fake.vendor,
      manual: manual.vendor,
      ...absentInterfaces.vendor,
    },
    raid: {
      redfish: redfish.raid,
      'idrac-redfish': redfish.raid,
      agent: createAgentRaid(),
      fake: fake.raid,
      ...absentInterfaces.raid,
    },
  };
  const closers = [ipmi, redfish, virtualPower, snmp, tileraPdu];
  return { drivers, close: async () => void (await Promise.all(closers.map((driver) => driver.close()))) };
}

async function openVirtualPower(settings: DriverSettings) {
  const directory = join(settings.state_dir, 'ssh');
  // Sockets of closed connections and, if the process was killed while opening one, secrets.
  await rm(directory, { recursive: true, force: true });
  return createVirtualPowerDriver(directory, {
    ssh_host: settings['virtual_power.ssh_host'],
    ssh_port: settings['virtual_power.ssh_port'],
    type: settings['virtual_power.type'],
    host_user: settings['virtual_power.host_user'],
    host_pass: settings['virtual_power.host_pass'],
    host_key: settings['virtual_power.host_key'],
    known_hosts: settings['virtual_power.known_hosts'],
    libvirt_uri: settings['virtual_power.libvirt_uri'],
  });
}

function openTileraPdu(settings: DriverSettings) {
  return createTileraPduDriver({
    manager: settings['tilera.pdu_mgr'],
    modes: {
      on: settings['tilera.pdu_on'],
      off: settings['tilera.pdu_off'],
      reboot: settings['tilera.pdu_reboot'],
      status: settings['tilera.pdu_status'],
    },
    timeout: settings['tilera.timeout'],
  });
}

function openFake(settings: DriverSettings) {
  return createFakeDriver({
    powerDelayMs: settings['fake.power_delay_ms'],
    deployDelayMs: settings['fake.deploy_delay_ms'],
    delayMs: settings['fake.delay_ms'],
    failRate: settings['fake.fail_rate'],
    stuck: settings['fake.stuck'],
    softOffSeconds: settings['fake.soft_off_seconds'],
    seed: settings['fake.seed'],
  });
}
