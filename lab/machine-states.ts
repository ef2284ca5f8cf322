/**
 * What a lab machine is and what happens to it, as data without I/O. The firmware reads the boot order at each start
 * of the machine, as a real one does; a start is a new QEMU process, whoever asked for it.
 */
import type { BootOverrideRequest } from './bmc/boot-override.ts';

export type MachineState = 'off' | 'on' | 'stopping' | 'restarting';
export type MachineEvent =
  | 'power on'
  | 'power off'
  | 'reset'
  | 'power cycle'
  | 'soft off'
  /** The operating system asked the hardware for a restart, and QEMU has ended. */
  | 'guest restarted'
  /** QEMU has ended for any other reason: told to, the guest switched itself off, or it crashed. */
  | 'ended';
export type MachineAction = 'start' | 'stop' | 'press the power button';

type Transition = { readonly to: MachineState; readonly action?: MachineAction };

/** Events that are not named leave the machine as it is. */
export const machineTable: Record<MachineState, Partial<Record<MachineEvent, Transition>>> = {
  off: {
    'power on': { to: 'on', action: 'start' },
  },
  on: {
    'power off': { to: 'stopping', action: 'stop' },
    reset: { to: 'restarting', action: 'stop' },
    'power cycle': { to: 'restarting', action: 'stop' },
    'soft off': { to: 'on', action: 'press the power button' },
    'guest restarted': { to: 'on', action: 'start' },
    ended: { to: 'off' },
  },
  stopping: {
    'power on': { to: 'restarting' },
    'guest restarted': { to: 'off' },
    ended: { to: 'off' },
  },
  restarting: {
    'power off': { to: 'stopping' },
    'guest restarted': { to: 'on', action: 'start' },
    ended: { to: 'on', action: 'start' },
  },
};

export function nextState(state: MachineState, event: MachineEvent): Transition {
  return machineTable[state][event] ?? { to: state };
}

/** What a BMC says of the power: a machine that is about to stop still draws it. */
export function isPowered(state: MachineState): boolean {
  return state !== 'off';
}

export const bootDevices = ['network', 'disk', 'cdrom', 'usb', 'floppy'] as const;
export type BootDevice = (typeof bootDevices)[number];

export const networkBoots = ['pxe', 'http'] as const;
/** What UEFI firmware does when it boots from the network: PXE, or HTTP boot from the URL that DHCP tells. */
export type NetworkBoot = (typeof networkBoots)[number];

/** What the firmware can start from, by the BMC's word for it; the others leave the usual order. */
const deviceTable: Partial<Record<BootOverrideRequest['device'], readonly BootDevice[]>> = {
  pxe: ['network'],
  disk: ['disk'],
  cdrom: ['cdrom'],
  // Redfish's `Usb` is the same to IPMI.
  floppy: ['floppy', 'usb'],
};

/** The order the firmware follows: the device asked for, then the usual ones. */
export function bootOrder(usual: readonly BootDevice[], request: BootOverrideRequest | undefined): readonly BootDevice[] {
  const first = (request && deviceTable[request.device]) ?? [];
  return [...first, ...usual.filter((device) => !first.includes(device))];
}
