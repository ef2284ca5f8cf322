/** Virtual media: the BMC downloads a file and inserts it into the machine's drive. DSP0268, VirtualMedia v1. */
import { join } from 'node:path';
import type { MediumSlot } from '../bmc-model.ts';
import { fetchFile } from './fetch-file.ts';
import { RedfishRefusal, type Resource } from './messages.ts';
import { type Answer, collection, expectBoolean, expectUri, head, type Route, type WriteCall } from './route.ts';
import type { ServiceState } from './service-state.ts';

const kindTable = {
  cdrom: { types: ['CD', 'DVD'], name: 'Virtual CD' },
  floppy: { types: ['Floppy', 'USBStick'], name: 'Virtual Floppy' },
  disk: { types: ['USBStick'], name: 'Virtual USB Stick' },
} as const;

export function mediaRoutes(state: ServiceState): Route[] {
  const { paths, shape, bmcModel } = state;
  const hasFloppy = bmcModel.media.some(({ device }) => device === 'floppy');
  const idTable = { cdrom: shape.cdId, floppy: shape.floppyId, disk: hasFloppy ? 'Usb' : shape.floppyId };
  const slots = bmcModel.media;
  const idOf = ({ device }: MediumSlot) => idTable[device];
  const rows = slots.flatMap((slot) => slotRoutes(slot, `${paths.media}/${idOf(slot)}`, shape.mediaBy));
  const members = slots.map((slot) => `${paths.media}/${idOf(slot)}`);
  return [
    { kind: 'virtualMediaCollection', path: paths.media, get: () => collection(paths.media, 'VirtualMedia', members) },
    ...rows,
  ];
}

function slotRoutes(slot: MediumSlot, path: string, mediaBy: 'action' | 'patch' | 'both'): Route[] {
  const resource: Route = {
    kind: 'virtualMedia',
    path,
    get: ({ state }) => describeSlot(state, slot, path),
    ...(mediaBy !== 'action' && { patch: patchOf(slot) }),
  };
  if (mediaBy === 'patch') return [resource];
  return [
    resource,
    { kind: 'virtualMedia', path: `${path}/Actions/VirtualMedia.InsertMedia`, post: (call) => insert(slot, call) },
    {
      kind: 'virtualMedia',
      path: `${path}/Actions/VirtualMedia.EjectMedia`,
      post: async ({ state }) => {
        await change(state, slot, null);
        return { status: 204 };
      },
    },
  ];
}

function describeSlot({ shape, writeProtected, lastImages }: ServiceState, slot: MediumSlot, path: string): Resource {
  const { device, image } = slot;
  const shown = image ?? (shape.mediaKeepsImage ? (lastImages.get(device) ?? null) : null);
  const { types, name } = kindTable[device];
  const actions = (['InsertMedia', 'EjectMedia'] as const).map((action) => [
    `#VirtualMedia.${action}`,
    { target: `${path}/Actions/VirtualMedia.${action}` },
  ]);
  return {
    ...head(path, 'VirtualMedia.v1_4_0.VirtualMedia', name),
    MediaTypes: [...types],
    Image: shown,
    ImageName: shown === null ? null : shown.slice(shown.lastIndexOf('/') + 1),
    Inserted: image !== null,
    ConnectedVia: image === null ? 'NotConnected' : 'URI',
    WriteProtected: writeProtected.get(device) ?? true,
    ...(shape.mediaBy !== 'patch' && { Actions: Object.fromEntries(actions) }),
  };
}

async function insert(slot: MediumSlot, { state, body }: WriteCall): Promise<Answer> {
  if (body['Image'] === undefined) throw new RedfishRefusal('ActionParameterMissing', ['VirtualMedia.InsertMedia', 'Image']);
  const image = expectUri('Image', body['Image']);
  if (body['Inserted'] !== undefined) expectBoolean('Inserted', body['Inserted']);
  if (slot.image !== null) throw new RedfishRefusal('ResourceInUse');
  state.writeProtected.set(slot.device, expectBoolean('WriteProtected', body['WriteProtected'] ?? true));
  await change(state, slot, image);
  return { status: 204 };
}

/** `Image` is decisive; the other fields are only stored. */
function patchOf(slot: MediumSlot): Route['patch'] {
  const ignore = () => () => {};
  return {
    Image: (value, { state }) => {
      const image = value === null || value === '' ? null : expectUri('Image', value);
      return () => change(state, slot, image);
    },
    Inserted: (value, { state, body }) => {
      const inserted = value === null ? false : expectBoolean('Inserted', value);
      return inserted || body['Image'] !== undefined ? () => {} : () => change(state, slot, null);
    },
    WriteProtected: (value, { state }) => {
      const isProtected = value === null ? true : expectBoolean('WriteProtected', value);
      return () => void state.writeProtected.set(slot.device, isProtected);
    },
    UserName: ignore,
    Password: ignore,
    TransferMethod: ignore,
    TransferProtocolType: ignore,
  };
}

/** @throws RedfishRefusal when the file cannot be downloaded. */
async function change(
  { bmcModel, mediaFolder, lastImages }: ServiceState,
  slot: MediumSlot,
  image: string | null,
): Promise<void> {
  const isFetched = bmcModel.chassis.changeMedium !== undefined && mediaFolder !== undefined;
  // Eject first: the file in the drive must not change under the machine.
  if (image === null || isFetched) await slot.change(null);
  if (image === null) return;
  const file = isFetched ? join(mediaFolder, `medium-${slot.device}`) : undefined;
  if (file !== undefined)
    await fetchFile(image, file).catch((error: Error) => {
      throw new RedfishRefusal('GeneralError', [`the image cannot be fetched: ${error.message}`]);
    });
  await slot.change(image, file);
  lastImages.set(slot.device, image);
}
