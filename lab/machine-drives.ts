/**
 * The drives for a BMC's virtual media: a permanent CD drive, and USB sticks (`disk`, `floppy`) that are hot-plugged,
 * as a real BMC's virtual floppy is. All are read-only.
 */
import { accessSync, constants } from 'node:fs';
import type { MediaDevice } from './bmc/chassis.ts';
import type { MachineMemory, Media } from './machine-memory.ts';
import type { BootDevice } from './machine-states.ts';
import type { Qmp } from './qmp.ts';

type Stick = Exclude<MediaDevice, 'cdrom'>;

const stickTable: Record<Stick, BootDevice> = { disk: 'usb', floppy: 'floppy' };

/**
 * In QEMU's option lists a comma in a value is doubled.
 * @param rank `,bootindex=N` of a boot device, or empty
 */
export function driveArguments(media: Media, rank: (device: BootDevice) => string): string[] {
  const image = media.cdrom && `,format=raw,file=${media.cdrom.replaceAll(',', ',,')}`;
  const sticks = (Object.keys(stickTable) as Stick[]).filter((stick) => media[stick]);
  return [
    ...['-drive', `if=none,id=cdrom,media=cdrom,readonly=on${image ?? ''}`],
    ...['-device', `ide-cd,id=cdrom-drive,drive=cdrom,bus=ide.1,unit=0${rank('cdrom')}`],
    ...['-device', 'qemu-xhci,id=usb'],
    ...sticks.flatMap((stick) => [
      ...['-blockdev', JSON.stringify(stickImage(stick, media[stick]!))],
      ...['-device', `usb-storage,id=${stick}-stick,drive=${stick}-image,bus=usb.0,removable=on${rank(stickTable[stick])}`],
    ]),
  ];
}

/** The readable ones; a drive whose file is missing is empty. */
export function readableMedia({ media }: MachineMemory): Media {
  return Object.fromEntries(Object.entries(media).filter(([, path]) => isReadable(path)));
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** In a running machine. Ejects also media that the operating system has locked. */
export async function changeDrive(qmp: Qmp, device: MediaDevice, path: string | null): Promise<void> {
  if (device !== 'cdrom') return changeStick(qmp, device, path);
  if (path === null) return qmp.ask('eject', { id: 'cdrom-drive', force: true });
  const how = { format: 'raw', force: true, 'read-only-mode': 'read-only' };
  return qmp.ask('blockdev-change-medium', { id: 'cdrom-drive', filename: path, ...how });
}

async function changeStick(qmp: Qmp, stick: Stick, path: string | null): Promise<void> {
  // The drive may be absent: its file was missing when the machine started.
  await qmp.remove(`${stick}-stick`).catch(() => {});
  await qmp.ask('blockdev-del', { 'node-name': `${stick}-image` }).catch(() => {});
  if (path === null) return;
  await qmp.ask('blockdev-add', stickImage(stick, path));
  await qmp.ask('device_add', stickDevice(stick));
}

function stickImage(stick: Stick, path: string) {
  return { driver: 'raw', 'node-name': `${stick}-image`, 'read-only': true, file: { driver: 'file', filename: path } };
}

function stickDevice(stick: Stick) {
  return { driver: 'usb-storage', id: `${stick}-stick`, drive: `${stick}-image`, bus: 'usb.0', removable: true };
}
