/** Virtual media: the BMC fetches an image and presents it to the machine as a drive. Redfish schema VirtualMedia. */
import { pause } from '#async/timers.ts';
import { RedfishError, type Resource } from '#wire/redfish/redfish-client.ts';
import type { ManagementInterface, MediaDevice, MediaSlot } from '../interfaces.ts';
import { unsupported } from '../unsupported.ts';
import type { SystemContext, WithSystem } from './find-system.ts';
import { bmcFault, type PollTiming, unsupportedByBmc } from './power.ts';
import { read } from './reading.ts';
import { actionPathAt, booleanAt, choicesAt, linkAt, objectAt, pathAt, textAt, wordAt } from './resource-fields.ts';

/** MediaTypes of each device. A slot with several types is reported as the first device that matches. */
const typeTable: Readonly<Record<MediaDevice, readonly string[]>> = {
  cdrom: ['CD', 'DVD'],
  floppy: ['Floppy'],
  disk: ['USBStick'],
};

/** This slot rejects images of this kind or protocol; another may accept them. */
const notThisSlot = [400, 404, 405];
const slowEjectTries = 3;

export function createRedfishMedia(withSystem: WithSystem, pollTiming: PollTiming): NonNullable<ManagementInterface['media']> {
  return {
    slots: (node, callOptions) =>
      withSystem({ node, command: 'read VirtualMedia', callOptions }, async (at) =>
        (await readSlots(at)).flatMap((slot) => showSlot(at, slot)),
      ),
    insert: (node, device, imageUrl, callOptions) =>
      withSystem({ node, command: `insert ${device}`, callOptions }, (at) => insert({ at, device, imageUrl, pollTiming })),
    eject: (node, device, callOptions) =>
      withSystem({ node, command: `eject ${device}`, callOptions }, async (at) => {
        for (const slot of await readSlots(at)) if (takes(slot, device) && holds(at, slot)) await eject(at, slot, pollTiming);
      }),
  };
}

/** Slots of the system, or of its managers. */
async function readSlots(at: SystemContext): Promise<Resource[]> {
  const own = linkAt((await at.system()).body, 'VirtualMedia');
  if (own !== undefined) return at.client.members(own, at.callOptions);
  for (const path of at.paths.managers) {
    const collection = linkAt((await at.client.get(path, at.callOptions)).body, 'VirtualMedia');
    if (collection !== undefined) return at.client.members(collection, at.callOptions);
  }
  return [];
}

function showSlot(at: SystemContext, slot: Resource): MediaSlot[] {
  const devices = Object.keys(typeTable) as MediaDevice[];
  const device = devices.find((name) => takes(slot, name));
  if (device === undefined) return [];
  const inserted = holds(at, slot);
  return [{ device, inserted, image: inserted ? (wordAt(slot, 'Image') ?? wordAt(slot, 'ImageName') ?? null) : null }];
}

function takes(slot: Resource, device: MediaDevice): boolean {
  const types = choicesAt(slot, 'MediaTypes');
  if (types !== undefined) return types.some((type) => typeTable[device].includes(type));
  // AMI (Gigabyte H262) has no MediaTypes; its slots are named CD1, HD1, FD1.
  return nameTable[device].test(textAt(slot, 'Id') ?? '');
}

const nameTable: Readonly<Record<MediaDevice, RegExp>> = { cdrom: /^(cd|dvd)/i, floppy: /^(fd|floppy)/i, disk: /^(hd|usb)/i };

function holds({ paths }: SystemContext, slot: Resource): boolean {
  if (paths.tolerances.has('image outlives medium') && textAt(slot, 'ConnectedVia') === 'NotConnected') return false;
  return booleanAt(slot, 'Inserted') ?? wordAt(slot, 'Image') !== undefined;
}

type Inserting = { at: SystemContext; device: MediaDevice; imageUrl: string; pollTiming: PollTiming };

async function insert({ at, device, imageUrl, pollTiming }: Inserting): Promise<void> {
  const fitting = async () => inOrder(at, await readSlots(at)).filter((slot) => takes(slot, device));
  let slots = await fitting();
  if (slots.length === 0 && (await enableMedia(at))) slots = await untilFitting(at, fitting, pollTiming);
  let refusal: unknown;
  for (const slot of slots) {
    const way = wayInto(slot);
    if (way === undefined) continue;
    try {
      if (holds(at, slot)) await eject(at, slot, pollTiming);
      await put({ at, way, imageUrl, pollTiming });
      return await untilSlot(at, { slot, inserted: true, pollTiming });
    } catch (error) {
      if (!(error instanceof RedfishError) || !notThisSlot.includes(error.status ?? 0)) throw error;
      refusal = error;
    }
  }
  throw refusal ?? (await unsupported(at.node, `inserting an image into a virtual ${device}`));
}

function inOrder({ paths }: SystemContext, slots: Resource[]): Resource[] {
  if (!paths.tolerances.has('upload slots last')) return slots;
  const rank = (slot: Resource) => (/^ext/i.test(textAt(slot, 'Id') ?? '') ? 0 : 1);
  return slots.toSorted((a, b) => rank(a) - rank(b));
}

/**
 * On AMI's BMCs virtual media is disabled by default, and then there are no slots.
 * @returns whether it was enabled by this call
 */
async function enableMedia(at: SystemContext): Promise<boolean> {
  for (const path of at.paths.managers) {
    const manager = await read(at, path);
    const actions = objectAt(manager, 'Actions', 'Oem');
    const name = Object.keys(actions).find((key) => /^#(AMI)?VirtualMedia\.EnableRMedia$/.test(key));
    const target = name && pathAt(actions, name, 'target');
    if (!target || textAt(manager, 'Oem', 'Ami', 'VirtualMedia', 'RMediaStatus') === 'Enabled') continue;
    await at.client.post(target, { RMediaState: 'Enable' }, at.callOptions);
    return true;
  }
  return false;
}

async function untilFitting(
  at: SystemContext,
  fitting: () => Promise<Resource[]>,
  { pollMs, effectMs }: PollTiming,
): Promise<Resource[]> {
  const until = Date.now() + effectMs;
  for (;;) {
    const slots = await fitting();
    if (slots.length > 0 || Date.now() + pollMs > until) return slots;
    await pause(pollMs, at.callOptions.signal);
  }
}

/** By action, or by PATCH of the slot if it has no actions at all. */
type Way = { readonly post: string } | { readonly patch: string };

function wayInto(slot: Resource): Way | undefined {
  return wayOf(slot, 'VirtualMedia.InsertMedia');
}

function wayOf(slot: Resource, name: string): Way | undefined {
  const target = actionPathAt(slot, name);
  if (target !== undefined) return { post: target };
  const patch = linkAt(slot);
  const hasOthers = Object.keys(objectAt(slot, 'Actions')).some((action) => action.startsWith('#VirtualMedia.'));
  return patch === undefined || hasOthers ? undefined : { patch };
}

async function put({ at, way, imageUrl, pollTiming }: Omit<Inserting, 'device'> & { way: Way }): Promise<void> {
  const { client, callOptions } = at;
  const body = { Image: imageUrl };
  const send = (more: Resource = {}) =>
    'post' in way
      ? client.post(way.post, { ...body, ...more }, callOptions)
      : client.patch(way.patch, { ...body, Inserted: true, WriteProtected: true }, callOptions);
  for (let tries = 1; ; tries++) {
    try {
      await send();
      return;
    } catch (error) {
      if (!(error instanceof RedfishError)) throw error;
      if (missesProtocol(error))
        return void (await send({ TransferProtocolType: new URL(imageUrl).protocol.replace(':', '').toUpperCase() }));
      const isSlow = (error.status ?? 0) >= 500 && at.paths.tolerances.has('slow eject');
      if (!isSlow || tries >= slowEjectTries) throw error;
      await pause(pollTiming.retryMs, callOptions.signal);
    }
  }
}

function missesProtocol({ messages, messageIds }: RedfishError): boolean {
  const words = [...messages, ...messageIds].join(' ');
  return /ActionParameterMissing|PropertyMissing|missing/i.test(words) && /TransferProtocolType/.test(words);
}

async function eject(at: SystemContext, slot: Resource, pollTiming: PollTiming): Promise<void> {
  const way = wayOf(slot, 'VirtualMedia.EjectMedia');
  if (way === undefined) throw unsupportedByBmc(at.node, 'eject', 'the virtual media slot has no such action');
  if ('post' in way) await at.client.post(way.post, {}, at.callOptions);
  else await at.client.patch(way.patch, { Image: null, Inserted: false }, at.callOptions);
  await untilSlot(at, { slot, inserted: false, pollTiming });
}

/** Success of the request is not enough: polls the slot until it shows the effect. */
async function untilSlot(
  at: SystemContext,
  wanted: { slot: Resource; inserted: boolean; pollTiming: PollTiming },
): Promise<void> {
  const { slot, inserted, pollTiming } = wanted;
  const path = linkAt(slot);
  const until = Date.now() + pollTiming.effectMs;
  while (path !== undefined && holds(at, (await at.client.get(path, at.callOptions)).body) !== inserted) {
    if (Date.now() + pollTiming.pollMs > until) {
      const what = inserted ? 'insert' : 'eject';
      const detail = `it reported success, but the slot is still ${inserted ? 'empty' : 'full'} after ${pollTiming.effectMs / 1000} s`;
      throw bmcFault('bmcError', at.node, { command: what, detail });
    }
    await pause(pollTiming.pollMs, at.callOptions.signal);
  }
}
