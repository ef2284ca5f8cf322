/** Hardware types; the first interface of each list is the default. */
import { type InterfaceKind, perKind, rowOf } from '#domain/interface-kinds.ts';
import type { HardwareType } from './interfaces.ts';

type Offered = Partial<Record<InterfaceKind, readonly string[]>>;

/** Fits every machine that can boot the ramdisk. */
const everyMachine: Offered = { inspect: ['agent', 'no-inspect'] };

/** A kind that is not listed has only the interface of hardware without that function. */
function hardwareType(name: string, offered: Offered): HardwareType {
  return {
    name,
    ...perKind((kind) => offered[kind] ?? everyMachine[kind] ?? [rowOf(kind).none].filter((none) => none !== undefined)),
  };
}

/** Power switched outside of the machine, which fits every kind of machine. */
const outsidePower = ['snmp', 'iboot', 'tilera-pdu', 'webhook'] as const;

/** Software RAID fits every machine that boots the ramdisk; as in Ironic, a node has it only when it asks for it. */
const inBandRaid = ['no-raid', 'agent'] as const;

/** A machine with managed power only; a BMC, if it has one, may set its boot device. */
function ofOutsidePower(name: (typeof outsidePower)[number]): HardwareType {
  return hardwareType(name, {
    power: [name, 'fake'],
    management: ['noop', 'ipmi', 'fake'],
    boot: ['ipxe', 'pxe'],
    deploy: ['direct', 'iscsi'],
    console: ['file', 'no-console'],
    raid: inBandRaid,
  });
}

export const hardwareTypes: Readonly<Record<string, HardwareType>> = {
  ipmi: hardwareType('ipmi', {
    power: ['ipmi', 'fake', ...outsidePower],
    management: ['ipmi', 'noop', 'fake'],
    boot: ['ipxe', 'pxe'],
    deploy: ['direct', 'iscsi'],
    console: ['file', 'ipmi-sol', 'no-console'],
    vendor: ['ipmi', 'no-vendor'],
    raid: inBandRaid,
  }),
  redfish: hardwareType('redfish', {
    power: ['redfish', 'ipmi', 'fake', ...outsidePower],
    management: ['redfish', 'ipmi', 'noop', 'fake'],
    boot: ['ipxe', 'pxe'],
    deploy: ['direct', 'iscsi'],
    console: ['file', 'ipmi-sol', 'no-console'],
    bios: ['redfish', 'no-bios'],
    firmware: ['redfish', 'no-firmware'],
    inspect: ['agent', 'redfish', 'no-inspect'],
    vendor: ['redfish', 'no-vendor'],
    raid: ['redfish', ...inBandRaid],
  }),
  /** Dell's machines: the interfaces of Redfish, which knows iDRACs, under the names that Ironic has for them. */
  idrac: hardwareType('idrac', {
    power: ['idrac-redfish', 'redfish', 'ipmi', 'fake', ...outsidePower],
    management: ['idrac-redfish', 'redfish', 'ipmi', 'noop', 'fake'],
    boot: ['ipxe', 'pxe'],
    deploy: ['direct', 'iscsi'],
    console: ['file', 'ipmi-sol', 'no-console'],
    bios: ['idrac-redfish', 'redfish', 'no-bios'],
    firmware: ['redfish', 'no-firmware'],
    inspect: ['agent', 'idrac-redfish', 'redfish', 'no-inspect'],
    vendor: ['idrac-redfish', 'redfish', 'no-vendor'],
    raid: ['idrac-redfish', 'redfish', ...inBandRaid],
  }),
  'virtual-power': hardwareType('virtual-power', {
    power: ['virtual-power', 'fake'],
    management: ['noop', 'fake'],
    boot: ['ipxe', 'pxe'],
    deploy: ['direct', 'iscsi'],
    console: ['no-console', 'file'],
    raid: inBandRaid,
  }),
  snmp: ofOutsidePower('snmp'),
  iboot: ofOutsidePower('iboot'),
  'tilera-pdu': ofOutsidePower('tilera-pdu'),
  webhook: ofOutsidePower('webhook'),
  'manual-management': hardwareType('manual-management', {
    power: ['manual', 'fake'],
    management: ['noop', 'fake'],
    boot: ['ipxe', 'pxe', 'fake'],
    deploy: ['direct', 'iscsi', 'fake'],
    console: ['no-console', 'file'],
    vendor: ['manual', 'no-vendor'],
    raid: inBandRaid,
  }),
  'fake-hardware': hardwareType('fake-hardware', {
    power: ['fake'],
    management: ['fake', 'noop'],
    boot: ['fake', 'ipxe', 'pxe'],
    deploy: ['fake', 'direct', 'iscsi'],
    console: ['fake', 'file', 'no-console'],
    bios: ['fake', 'no-bios'],
    firmware: ['fake', 'no-firmware'],
    inspect: ['agent', 'fake', 'no-inspect'],
    vendor: ['fake', 'no-vendor'],
    raid: ['fake', 'no-raid'],
  }),
};
