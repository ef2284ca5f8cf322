/**
 * Inspection out of band: what the BMC knows of processors, memory, disks, NICs and PCIe devices. DSP0268, schemas
 * ComputerSystem, Processor, EthernetInterface. The machine is not switched.
 */
import type { FoundHardware, FoundNic } from '#domain/found-hardware.ts';
import type { Resource } from '#wire/redfish/redfish-client.ts';
import type { InspectInterface } from '../interfaces.ts';
import { modeOf } from './boot-override.ts';
import type { SystemContext, WithSystem } from './find-system.ts';
import { atLeastOne, known, mostFound, shortAt } from './found-fields.ts';
import { readLldp, readPciDevices } from './inspect-devices.ts';
import { readStorage } from './inspect-storage.ts';
import { readRedfishSettings, redfishProperties } from './properties.ts';
import { membersIfAny } from './reading.ts';
import { linkAt, numberAt, objectAt, objectsAt, rowOf, textAt } from './resource-fields.ts';

/** By Processor.InstructionSet, and where that is missing by ProcessorArchitecture: servers with Redfish are 64-bit. */
const architectureTable: Readonly<Record<string, string>> = {
  'x86-64': 'x86_64',
  x86: 'i686',
  'ARM-A64': 'aarch64',
  'ARM-A32': 'arm',
  'IA-64': 'ia64',
  MIPS64: 'mips64',
  MIPS32: 'mips',
};
const familyTable: Readonly<Record<string, string>> = { x86: 'x86_64', ARM: 'aarch64' };

export function createRedfishInspect(withSystem: WithSystem): InspectInterface {
  return {
    properties: redfishProperties,
    validate: (node) => void readRedfishSettings(node),
    readHardware: (node, callOptions) => withSystem({ node, callOptions, command: 'read the hardware' }, readHardware),
  };
}

async function readHardware(at: SystemContext): Promise<FoundHardware> {
  const { body: system } = await at.system();
  const boot_mode = modeOf(objectAt(system, 'Boot'));
  const memory = numberAt(system, 'MemorySummary', 'TotalSystemMemoryGiB');
  return {
    cpu: known(await readProcessors(at, system)),
    ...(memory !== undefined && memory > 0 && { memory_mb: Math.floor(memory * 1024) }),
    ...(await readStorage(at, system)),
    nics: await readNics(at, system),
    ...(boot_mode && { boot_mode }),
    system: known({
      manufacturer: shortAt(system, 'Manufacturer'),
      product: shortAt(system, 'Model'),
      serial: shortAt(system, 'SerialNumber'),
      uuid: shortAt(system, 'UUID')?.toLowerCase(),
      bios_version: shortAt(system, 'BiosVersion'),
    }),
    pci_devices: await readPciDevices(at, system),
    lldp: await readLldp(at),
  };
}

async function readProcessors(at: SystemContext, system: Resource) {
  const all = await membersIfAny(at, linkAt(system, 'Processors'));
  const cpus = all.filter(
    (one) => (textAt(one, 'ProcessorType') ?? 'CPU') === 'CPU' && textAt(one, 'Status', 'State') !== 'Absent',
  );
  const [first] = cpus;
  const threads = cpus.map((one) => numberAt(one, 'TotalThreads') ?? numberAt(one, 'TotalCores') ?? 0);
  const summary =
    numberAt(system, 'ProcessorSummary', 'LogicalProcessorCount') ?? numberAt(system, 'ProcessorSummary', 'CoreCount');
  return {
    count: atLeastOne(threads.reduce((sum, each) => sum + each, 0)) ?? atLeastOne(summary),
    architecture:
      rowOf(architectureTable, textAt(first, 'InstructionSet')) ?? rowOf(familyTable, textAt(first, 'ProcessorArchitecture')),
    model: shortAt(first, 'Model') ?? shortAt(system, 'ProcessorSummary', 'Model'),
    frequency_mhz: atLeastOne(numberAt(first, 'MaxSpeedMHz')),
  };
}

async function readNics(at: SystemContext, system: Resource): Promise<FoundNic[]> {
  const found = (await membersIfAny(at, linkAt(system, 'EthernetInterfaces'))).flatMap(nicOf);
  const seen = new Set<string>();
  return found.filter(({ mac }) => !seen.has(mac) && seen.add(mac)).slice(0, mostFound);
}

/** Of one machine: the first octet's last bit is that of a group. */
function isMac(mac: string): boolean {
  return /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(mac) && mac !== '00:00:00:00:00:00';
}

/** The operating system's way to the BMC: no network behind it. */
function leadsToBmc(nic: Resource): boolean {
  return linkAt(nic, 'Links', 'HostInterface') !== undefined || textAt(nic, 'Id') === 'ToManager';
}

/** A slot without a card has no address; one of zeros or of a group of machines is none. */
function nicOf(nic: Resource): FoundNic[] {
  const macs = [textAt(nic, 'MACAddress'), textAt(nic, 'PermanentMACAddress')];
  const mac = macs.map((each) => each?.toLowerCase().replaceAll('-', ':') ?? '').find(isMac);
  if (mac === undefined || textAt(nic, 'Status', 'State') === 'Absent' || leadsToBmc(nic)) return [];
  const link = textAt(nic, 'LinkStatus');
  const [ipv4, ipv6] = (['IPv4Addresses', 'IPv6Addresses'] as const).map((name) =>
    objectsAt(nic, name)
      .flatMap((entry) => shortAt(entry, 'Address')?.toLowerCase().split(/[%/]/)[0] ?? [])
      .find((address) => !/^[0:.]+$/.test(address)),
  );
  const facts = {
    speed_mbps: atLeastOne(numberAt(nic, 'SpeedMbps')),
    link: link === undefined ? undefined : link === 'LinkUp',
    ipv4,
    ipv6,
  };
  return [{ name: shortAt(nic, 'Id') ?? mac, mac, ...known(facts) }];
}
