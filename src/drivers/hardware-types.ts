/** What fits together; the first of each list is what a node gets that asks for nothing. */
import type { HardwareType } from './interfaces.ts';

const nothingMore = { bios: ['no-bios'], firmware: ['no-firmware'], vendor: ['no-vendor'] };

export const hardwareTypes: Readonly<Record<string, HardwareType>> = {
  ipmi: {
    name: 'ipmi',
    power: ['ipmi', 'fake'],
    management: ['ipmi', 'noop', 'fake'],
    boot: ['ipxe', 'pxe'],
    deploy: ['direct', 'iscsi'],
    console: ['file', 'ipmi-sol', 'no-console'],
    ...nothingMore,
    vendor: ['ipmi', 'no-vendor'],
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
