/** The boot device of a machine. */
import { Fault } from '#domain/faults.ts';
import { booleanOf } from '../loose-booleans.ts';
import type { BaremetalContext } from './context.ts';
import { findNode } from './lookup.ts';

export const bootDevices = ['pxe', 'disk', 'cdrom', 'bios', 'safe', 'floppy', 'uefihttp'] as const;

type BootDeviceRequest = {
  boot_device: (typeof bootDevices)[number];
  persistent?: boolean | string | undefined;
  /** An Ingot extension: the URL that the firmware boots from, with `uefihttp`. */
  uri?: string | undefined;
};

export async function setBootDevice(context: BaremetalContext, ident: string, request: BootDeviceRequest): Promise<void> {
  const { uuid } = await findNode(context, ident);
  const { boot_device, persistent = false, uri } = request;
  if ((boot_device === 'uefihttp') !== (uri !== undefined))
    throw new Fault('badRequest', { detail: "'uri' goes with the boot device 'uefihttp', and with no other." });
  const isPersistent = booleanOf('persistent', persistent);
  await context.engine.setBootDevice(uuid, boot_device, { persistent: isPersistent, ...(uri !== undefined && { uri }) });
}
