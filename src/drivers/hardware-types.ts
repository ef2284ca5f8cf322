/** What fits together; the first of each list is what a node gets that asks for nothing. */
import type { HardwareType } from './interfaces.ts';

const nothingMore = { bios: ['no-bios'], firmware: ['no-firmware'], vendor: ['no-vendor'] };

/** Power from outside of the machine, which goes with every kind of machine. */
const outsidePower = ['snmp', 'iboot', 'tilera-pdu', 'webhook'] as const;

/** A machine whose power alone is managed; a BMC that it has besides may set its boot device. */
function ofOutsidePower(name: (typeof outsidePower)[number]): HardwareType {
  return {
    name,
    power: [name, 'fake'],
    management: ['noop', 'ipmi', 'fake'],
    boot: ['ipxe', 'pxe'],
    deploy: ['direct', 'iscsi'],
    console: ['file', 'no-console'],
    ...nothingMore,
  };
}

export const hardwareTypes: Readonly<Record<string, HardwareType>> = {
  ipmi: {
    name: 'ipmi',
    power: ['ipmi', 'fake', ...outsidePower],
    management: ['ipmi', 'noop', 'fake'],
    boot: ['ipxe', 'pxe'],
    deploy: ['direct', 'iscsi'],
    console: ['file', 'ipmi-sol', 'no-console'],
    ...nothingMore,
    vendor: ['ipmi', 'no-vendor'],
  },
  redfish: {
    name: 'redfish',
    power: ['redfish', 'ipmi', 'fake', ...outsidePower],
    management: ['redfish', 'ipmi', 'noop', 'fake'],
    boot: ['ipxe', 'pxe'],
    deploy: ['direct', 'iscsi'],
    console: ['file', 'ipmi-sol', 'no-console'],
    bios: ['redfish', 'no-bios'],
    firmware: ['redfish', 'no-firmware'],
    vendor: ['redfish', 'no-vendor'],
  },
  'virtual-power': {
    name: 'virtual-power',
    power: ['virtual-power', 'fake'],
    management: ['noop', 'fake'],
    boot: ['ipxe', 'pxe'],
    deploy: ['direct', 'iscsi'],
    console: ['no-console', 'file'],
    ...nothingMore,
  },
  snmp: ofOutsidePower('snmp'),
  iboot: ofOutsidePower('iboot'),
  'tilera-pdu': ofOutsidePower('tilera-pdu'),
  webhook: ofOutsidePower('webhook'),
  'manual-management': {
    name: 'manual-management',
    power: ['manual', 'fake'],
    management: ['noop', 'fake'],
    boot: ['ipxe', 'pxe', 'fake'],
    deploy: ['direct', 'iscsi', 'fake'],
    console: ['no-console', 'file'],
    ...nothingMore,
    vendor: ['manual', 'no-vendor'],
  },
  'fake-hardware': {
    name: 'fake-hardware',
    power: ['fake'],
    management: ['fake', 'noop'],
    boot: ['fake', 'ipxe', 'pxe'],
    deploy: ['fake', 'direct', 'iscsi'],
    console: ['fake', 'file', 'no-console'],
    bios: ['fake', 'no-bios'],
    firmware: ['fake', 'no-firmware'],
    vendor: ['fake', 'no-vendor'],
  },
};
