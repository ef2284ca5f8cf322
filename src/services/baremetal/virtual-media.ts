/** Virtual media: images that the BMC mounts as a drive of the machine. */
import { Fault } from '#domain/faults.ts';
import type { BaremetalContext } from './context.ts';
import { findNode } from './lookup.ts';

/** Ironic's device type → Redfish media types. */
export const mediaTable = { cdrom: ['CD', 'DVD'], floppy: ['Floppy'], disk: ['USBStick'] } as const;
export type MediaDevice = keyof typeof mediaTable;
export const mediaDevices = Object.keys(mediaTable) as MediaDevice[];

type Attachment = { device_type: MediaDevice; image_url: string; image_download_source?: string | null | undefined };

export async function attachMedia(context: BaremetalContext, ident: string, attachment: Attachment): Promise<void> {
  const { uuid } = await findNode(context, ident);
  const { device_type, image_url, image_download_source } = attachment;
  refuseDetour(image_download_source);
  await context.engine.insertMedia(uuid, device_type, image_url);
}

/** With the other values Ironic downloads the image and serves it itself. */
function refuseDetour(source: string | null | undefined): void {
  if (source === undefined || source === null || source === 'http') return;
  throw new Fault('unsupported', { what: `image_download_source '${source}' (the BMC fetches the image from its URL: 'http')` });
}

/** @param given device types, comma-separated or as a list; none = those that the machine has slots for */
export async function detachMedia(
  context: BaremetalContext,
  ident: string,
  given: string | readonly string[] | null | undefined,
): Promise<void> {
  const { uuid } = await findNode(context, ident);
  const devices = readDevices(given) ?? (await context.engine.mediaSlots(uuid)).map(({ device }) => device);
  await context.engine.ejectMedia(uuid, devices);
}

function readDevices(given: string | readonly string[] | null | undefined): readonly MediaDevice[] | undefined {
  const words = typeof given === 'string' ? given.split(',') : (given ?? []);
  if (words.length === 0) return undefined;
  return words.map((word) => {
    const device = mediaDevices.find((each) => each === word.trim());
    if (!device) throw new Fault('badRequest', { detail: `device_types must be of ${mediaDevices.join(', ')}, not '${word}'.` });
    return device;
  });
}
