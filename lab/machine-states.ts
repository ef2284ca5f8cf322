/**
 * State machine of a lab machine, as data without I/O. The firmware reads the boot order at each start of the machine,
 * as a real one does; every start is a new QEMU process, regardless of who requested it.
 */
import type { BootOverrideRequest } from './bmc/boot-override.ts';

export type MachineState = 'off' | 'on' | 'stopping' | 'restarting';
export type MachineEvent =
  | 'power on'
  | 'power off'
  | 'reset'
  | 'power cycle'
  | 'soft off'
  /** The operating system requested a hardware reset, and QEMU has exited. */
  | 'guest restarted'
  /** QEMU has exited for any other reason: on command, because the guest powered off, or by a crash. */
  | 'ended';
export type MachineAction = 'start' | 'stop' | 'press the power button';

type Transition = { readonly to: MachineState; readonly action?: MachineAction };

/** Events that are not listed do not change the state. */
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

/** The power state that a BMC reports: a machine that is about to stop is still on. */
export function isPowered(state: MachineState): boolean {
  return state !== 'off';
}

export const bootDevices = ['network', 'disk', 'cdrom', 'usb', 'floppy'] as const;
export type BootDevice = (typeof bootDevices)[number];

export const networkBoots = ['pxe', 'http'] as const;
/** Network boot of UEFI firmware: PXE, or HTTP boot from the URL in DHCP. */
export type NetworkBoot = (typeof networkBoots)[number];

/** The boot devices of the firmware, by the BMC's name; other names keep the default order. */
const deviceTable: Partial<Record<BootOverrideRequest['device'], readonly BootDevice[]>> = {
  pxe: ['network'],
  disk: ['disk'],
  cdrom: ['cdrom'],
  // Redfish's `Usb` is the same device in IPMI.
  floppy: ['floppy', 'usb'],
};

/** The boot order: the requested device, then the default ones. */
export function bootOrder(usual: readonly BootDevice[], request: BootOverrideRequest | undefined): readonly BootDevice[] {
  const first = (request && deviceTable[request.device]) ?? [];
  return [...first, ...usual.filter((device) => !first.includes(device))];
}
